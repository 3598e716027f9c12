//! A worker without listeners, as on a system that does not spread connections over listeners.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    net::{TcpListener as StdTcpListener, TcpStream as StdTcpStream},
};

use bytes::Bytes;
use http::{Request, Response};
use silverback::{HostPolicy, proto::handshake::ServerHandshake};

use super::*;
use crate::serving::{
    site::{Body, Calling, Opening, Refused, Resource, Words},
    sockets::Client,
    trust::Trust,
};

/// A site with nothing but the health checks of the server.
#[derive(Debug)]
struct Nothing;

impl Site for Nothing {
    fn resource(&self, _: &Request<()>) -> Resource {
        Resource::Missing
    }

    fn document(&self, _: &Request<()>) -> Option<Response<Body>> {
        None
    }

    fn open(&self, _: &Request<()>, _: &ServerHandshake, _: Client) -> Result<Opening, Refused> {
        unreachable!("it has no WebSockets")
    }

    fn call(&self, _: Request<Bytes>) -> Calling {
        unreachable!("it takes no calls")
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn words(&self) -> &'static Words {
        &Words { websocket_path: "/", what_this_is: "", not_found: "" }
    }
}

#[test]
fn a_socket_that_is_handed_over_is_served() {
    let config = WorkerConfig {
        trust: Trust::default(),
        upgrader: Upgrader::new(),
        site: Arc::new(Nothing),
        hosts: Hosts { tcp: HostPolicy::Any, unix: HostPolicy::Any },
        max_head_size: 16 * 1024,
        tls: None,
        http3_ports: Arc::default(),
        places: Arc::default(),
        handshake_timeout: Duration::from_secs(60),
        close_timeout: Duration::from_secs(60),
    };
    let handle = WorkerHandle::start("worker-1", config, Vec::new()).unwrap();
    let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = StdTcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, peer) = listener.accept().unwrap();
    socket.set_nonblocking(true).unwrap();
    new_runtime()
        .unwrap()
        .block_on(async { handle.take(StdStream::Tcp(socket).into_async().unwrap(), Peer::Ip(peer)) });
    client.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    handle.finish().join().unwrap();
}
