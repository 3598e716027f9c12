//! In place of `tls` in a build without it: TLS is an error, and nothing else of this module is ever reached.

use std::io;

use super::{DialError, TlsSession, version::Alpn};
use crate::io::transport::wire::Wire;

#[derive(Clone)]
pub(super) enum Tls {}

pub(super) enum Connector {}

impl Connector {
    pub(super) async fn of(_: Option<&Tls>, _: Alpn) -> Result<Self, DialError> {
        Err(DialError::TlsUnsupported)
    }

    pub(super) async fn establish(&self, _: Wire, _: &str) -> io::Result<(Wire, TlsSession)> {
        match *self {}
    }
}
