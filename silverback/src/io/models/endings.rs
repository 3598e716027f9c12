//! The ends of a connection: the reader is dropped, one half starts the closing handshake, or the transport is lost
//! while a writer waits.

use std::time::Duration;

use loom::{future::block_on, thread};

use super::support::{CLOSE, MASKED_CLOSE, check, masked_text, server, task, text};
use crate::error::Error;
use silverback_proto::Event;

#[test]
fn a_message_that_is_queued_while_the_reader_goes_leaves() {
    check(|| {
        let early = [masked_text("1"), masked_text("2")].concat();
        let (conn, peer) = server(100, &early, |config| config);
        let (writer, mut reader) = conn.split();
        // From here on input is in hand and output is held back.
        block_on(reader.read_message()).unwrap();
        let writing = task(async move { writer.write_message("a").await.unwrap() });
        drop(reader);
        writing.join().unwrap();
        peer.expect(&text("a"));
        peer.expect_gone();
    });
}

#[test]
fn a_close_that_one_half_starts_wakes_the_other_which_waits() {
    check(|| {
        let (conn, peer) = server(100, b"", |config| config);
        let (writer, mut reader) = conn.split();
        let reading = task(async move { assert_eq!(reader.read_message().await.unwrap(), None) });
        writer.start_close(1000, "").unwrap();
        peer.expect(CLOSE);
        peer.send(MASKED_CLOSE);
        peer.expect_shutdown();
        peer.end();
        reading.join().unwrap();
        peer.expect_gone();
        drop(writer);
    });
}

#[test]
fn a_close_that_one_half_starts_gives_the_other_its_deadline() {
    check(|| {
        let (conn, peer) = server(100, b"", |config| config.ping_interval(None).close_timeout(Duration::ZERO));
        let (writer, mut reader) = conn.split();
        let reading = task(async move { assert!(matches!(reader.read_message().await, Err(Error::Timeout(_)))) });
        writer.start_close(1000, "").unwrap();
        reading.join().unwrap();
        peer.expect(CLOSE);
        peer.expect_gone();
        drop(writer);
    });
}

#[test]
fn a_close_goes_on_though_the_reader_leaves_while_it_starts() {
    check(|| {
        let (conn, peer) = server(100, b"", |config| config);
        let (writer, reader) = conn.split();
        let leaving = thread::spawn(move || drop(reader));
        writer.start_close(1000, "").unwrap();
        drop(writer);
        peer.expect(CLOSE);
        peer.expect_shutdown();
        peer.end();
        peer.expect_gone();
        leaving.join().unwrap();
    });
}

#[test]
fn a_writer_that_waits_for_room_is_told_that_the_transport_has_ended() {
    check(|| {
        let (conn, peer) = server(2, b"", |config| config.max_queued_output(1));
        let (writer, mut reader) = conn.split();
        writer.try_write_message("a").unwrap();
        let writing = task(async move { assert!(writer.write_message("b").await.is_err()) });
        peer.end();
        assert!(block_on(reader.read_message()).is_err());
        writing.join().unwrap();
        drop(reader);
        assert_eq!(peer.read_to_end(), text("a")[..2]);
    });
}

#[test]
fn a_writer_that_waits_for_room_is_told_that_the_peer_has_closed() {
    check(|| {
        let (conn, peer) = server(2, b"", |config| config.max_queued_output(1));
        let (writer, mut reader) = conn.split();
        writer.try_write_message("a").unwrap();
        let writing = task(async move { assert!(writer.write_message("b").await.unwrap_err().is_closing()) });
        peer.send(MASKED_CLOSE);
        peer.end();
        assert!(matches!(block_on(reader.read_event()).unwrap(), Some(Event::Close(_))));
        writing.join().unwrap();
        peer.open();
        assert_eq!(block_on(reader.read_message()).unwrap(), None);
        peer.expect(&[text("a"), CLOSE.to_vec()].concat());
        peer.expect_gone();
    });
}
