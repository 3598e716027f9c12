//! The memory of an idle connection.
#![allow(clippy::unwrap_used)]

use std::{net::Ipv4Addr, sync::Arc};

use http::Version;
use silverback::{Negotiated, Role, Settings};

use super::*;
use crate::serving::{
    open_connections::{OpenConnections, Places},
    sockets::Peer,
};

#[tokio::test]
async fn the_task_of_an_idle_connection_is_small() {
    let (stream, _other) = tokio::io::duplex(64);
    let conn = Conn::from_handshake(stream, Role::Server, Negotiated::default(), [], &Settings::default());
    let places = Arc::<Places>::default();
    let presence = Arc::new(OpenConnections::new(places.clone())).enter();
    let peer = Peer::Ip((Ipv4Addr::LOCALHOST, 1).into());
    let client = Client { peer, version: Version::HTTP_2 };
    let task = serve(Echo { conn, _presence: presence, client, printer: Printer::silent(), waiting: None });
    let size = size_of_val(&task);
    // The runtime adds its own state, which makes 256 bytes. Tasks are rounded up to the next 128.
    assert!(size <= 152, "{size} bytes");
}
