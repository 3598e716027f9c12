//! Checks that the kernel reports how much the other side of a socket has acknowledged.

#![allow(clippy::unwrap_used)]

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
};

use super::TcpProgress;
use crate::io::transport::socket::Addresses;

/// Returns both ends of a connection, or `None` if the machine has no such address.
fn connect(to: &str, at: &str) -> Option<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((to, 0)).ok()?;
    let client = TcpStream::connect((at, listener.local_addr().unwrap().port())).ok()?;
    Some((client, listener.accept().unwrap().0))
}

fn progress(of: &TcpStream) -> TcpProgress {
    TcpProgress::of(&Addresses { peer: of.peer_addr().unwrap(), local: of.local_addr().unwrap() }).unwrap()
}

/// Writes until the kernel takes no more.
fn fill(mut stream: &TcpStream) -> u64 {
    stream.set_nonblocking(true).unwrap();
    let mut written = 0;
    loop {
        match stream.write(&[7; 65536]) {
            Ok(count) => written += count as u64,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return written;
            }
        }
    }
}

#[test]
fn what_a_peer_takes_is_acknowledged() {
    // In the second case an IPv6 socket serves an IPv4 client.
    for (to, at) in [("127.0.0.1", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "::1")] {
        let Some((client, mut server)) = connect(to, at) else {
            assert!(to.contains(':'), "every machine has 127.0.0.1");
            continue;
        };
        for (ours, theirs) in [(&client, &server), (&server, &client)] {
            assert_eq!(progress(ours).outstanding, 0);
            let written = fill(ours);
            let before = progress(ours);
            assert!(before.outstanding > 0 && before.acknowledged + before.outstanding >= written, "{before:?}");
            theirs.set_nonblocking(false).unwrap();
            let mut theirs = theirs;
            let mut rest = written;
            while rest > 0 {
                rest -= theirs.read(&mut [0; 65536]).unwrap() as u64;
            }
            let after = progress(ours);
            assert!(after.acknowledged > before.acknowledged, "{before:?}, {after:?}");
        }
        server.flush().unwrap();
    }
}

#[test]
fn nothing_is_known_of_a_connection_that_does_not_exist() {
    let (client, server) = connect("127.0.0.1", "127.0.0.1").unwrap();
    let addresses = Addresses { peer: server.local_addr().unwrap(), local: "127.0.0.1:1".parse().unwrap() };
    assert_eq!(TcpProgress::of(&addresses), None);
    drop(client);
}
