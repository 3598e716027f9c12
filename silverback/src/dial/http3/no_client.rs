//! In place of `client` in a build without crypto provider: QUIC is an error, and nothing else of this module is ever
//! reached.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use quinn::{Connection, ConnectionError};

use super::{connection::Quic, misuse::QuicMisuse};
use crate::dial::{DialError, TlsSession, tls::Connector};

pub(super) enum Client {}

impl Client {
    pub(super) fn new(_: &Connector, _: &str) -> Result<Self, DialError> {
        Err(DialError::Quic(QuicMisuse::TlsLibrary))
    }

    pub(super) async fn connect(&self, _: IpAddr, _: SocketAddr) -> io::Result<Result<Quic, ConnectionError>> {
        match *self {}
    }

    pub(super) fn session(&self, _: &Connection) -> TlsSession {
        match *self {}
    }
}
