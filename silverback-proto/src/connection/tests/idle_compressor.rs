//! An idle connection frees the memory of its compressor, whichever side is silent.

use std::time::Duration;

use silverback_testkit::wire::pong;

use super::{
    compression::{app, carry, json, pair},
    *,
};
use crate::deflate::Compression;

#[test]
fn an_idle_connection_gives_its_compressor_back() {
    let (mut server, mut client) = pair(&Compression::default());
    for _ in 0..2 {
        server.conn.send(json(1).into()).unwrap();
        carry(&mut server, &mut client);
        client.conn.ping(b"").unwrap();
        carry(&mut client, &mut server);
        assert!(server.conn.holds_compressor());
        for _ in 0..3 {
            server.clock.advance(Duration::from_secs(11));
            assert_eq!(server.conn.handle_timeout(server.clock.now()), None);
        }
        assert!(!server.conn.holds_compressor());
        carry(&mut server, &mut client);
        client.input(&pong("").encode());
        server.input(&wire(Role::Server, &[pong("")]));
    }
    assert_eq!(client.seen().iter().filter(|seen| **seen == message(json(1))).count(), 2);
}

/// A server that only pushes: the peer says nothing, and the owner does no more than its deadlines ask for.
#[test]
fn a_connection_that_receives_nothing_gives_its_compressor_back_10_to_20_s_after_its_last_message() {
    for silence in [0, 5, 9, 30] {
        let mut server = app(Role::Server, Config::default().ping_interval(None), &Compression::default());
        server.clock.advance(Duration::from_secs(silence));
        let begun = server.clock.now();
        for _ in 0..3 {
            server.conn.send(json(1).into()).unwrap();
            server.sent();
            advance_by_deadlines(&mut server, Duration::from_secs(8));
            assert!(server.conn.holds_compressor());
        }
        let sent = begun + Duration::from_secs(16);
        while let Some(due) = server.conn.poll_timeout() {
            server.clock.advance(due - server.clock.now());
            assert_eq!(server.conn.handle_timeout(server.clock.now()), None);
        }
        assert!(!server.conn.holds_compressor());
        let after = server.clock.now() - sent;
        assert!((10..=20).contains(&after.as_secs()), "after {after:?}, with {silence} s of silence before");
    }
}

/// Handles every deadline of this time when it comes, and no other.
fn advance_by_deadlines(app: &mut App, time: Duration) {
    let until = app.clock.now() + time;
    while let Some(due) = app.conn.poll_timeout().filter(|due| *due <= until) {
        app.clock.advance(due.saturating_duration_since(app.clock.now()));
        assert_eq!(app.conn.handle_timeout(app.clock.now()), None);
    }
    app.clock.advance(until - app.clock.now());
}

#[test]
fn a_busy_connection_keeps_its_compressor() {
    let (mut server, mut client) = pair(&Compression::default());
    for _ in 0..5 {
        server.conn.send(json(1).into()).unwrap();
        carry(&mut server, &mut client);
        server.input(&wire(Role::Server, &[pong("")]));
        server.clock.advance(Duration::from_secs(9));
        assert_eq!(server.conn.handle_timeout(server.clock.now()), None);
        assert!(server.conn.holds_compressor());
    }
}
