//! Writers that wait for room, and writers that run at the same time.

use std::task::{Context, Waker};

use loom::{future::block_on, thread};

use super::support::{Peer, check, server, task, text};

#[test]
fn a_writer_that_waits_for_room_is_woken_when_the_transport_takes_more() {
    check(|| {
        let (conn, peer) = server(3, b"", |config| config.max_queued_output(1));
        let (writer, reader) = conn.split();
        let peer = thread::spawn(move || peer.expect(&[text("one"), text("two")].concat()));
        block_on(async {
            writer.write_message("one").await.unwrap();
            writer.write_message("two").await.unwrap();
        });
        peer.join().unwrap();
        drop((writer, reader));
    });
}

#[test]
fn a_flush_that_waits_is_woken_when_everything_has_left() {
    check(|| {
        let (conn, peer) = server(2, b"", |config| config);
        let (writer, reader) = conn.split();
        let peer = thread::spawn(move || {
            peer.expect(&text("one"));
            peer.expect_gone();
        });
        block_on(async {
            writer.write_message("one").await.unwrap();
            writer.flush().await.unwrap();
        });
        drop((writer, reader));
        peer.join().unwrap();
    });
}

#[test]
fn two_writers_that_wait_for_room_both_get_it() {
    check(|| {
        let (conn, peer) = server(2, b"", |config| config.max_queued_output(1));
        let (writer, reader) = conn.split();
        let other = writer.clone();
        writer.try_write_message("-").unwrap();
        let writing = task(async move { writer.write_message("a").await.unwrap() });
        let other = task(async move { other.write_message("b").await.unwrap() });
        peer.open();
        writing.join().unwrap();
        other.join().unwrap();
        peer.expect(&text("-"));
        expect_both(&peer);
        drop(reader);
    });
}

#[test]
fn messages_of_two_writers_leave_whole_and_none_is_lost() {
    check(|| {
        let (conn, peer) = server(100, b"", |config| config);
        let (writer, reader) = conn.split();
        let other = writer.clone();
        let other = task(async move { other.write_message("b").await.unwrap() });
        block_on(writer.write_message("a")).unwrap();
        other.join().unwrap();
        expect_both(&peer);
        drop((writer, reader));
        peer.expect_gone();
    });
}

#[test]
fn a_writer_that_gives_up_passes_its_turn_on() {
    check(|| {
        let (conn, peer) = server(2, b"", |config| config.max_queued_output(1));
        let (writer, reader) = conn.split();
        let other = writer.clone();
        writer.try_write_message("-").unwrap();
        let waiting = task(async move { other.write_message("b").await.unwrap() });
        let opening = thread::spawn(move || {
            peer.open();
            peer
        });
        // The write is dropped after one poll, whether it was woken or not.
        let mut given_up = Box::pin(writer.write_message("a"));
        let written = given_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        drop(given_up);
        waiting.join().unwrap();
        let peer = opening.join().unwrap();
        peer.expect(&text("-"));
        if written {
            expect_both(&peer);
        } else {
            peer.expect(&text("b"));
        }
        drop((writer, reader));
        peer.expect_gone();
    });
}

/// Expects both frames, complete and in either order.
#[track_caller]
fn expect_both(peer: &Peer) {
    let frames = peer.read(6);
    assert!(frames == [text("a"), text("b")].concat() || frames == [text("b"), text("a")].concat(), "{frames:?}");
}
