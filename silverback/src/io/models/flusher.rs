//! The hand-over to the flusher of held-back output and of blocked connections.

use loom::{future::block_on, thread};

use super::{
    support::{check, masked_text, server, task, text},
    sync::end_runtime,
};

#[test]
fn what_was_held_back_leaves_when_the_task_goes_on_to_something_else() {
    check(|| {
        let early = [masked_text("1"), masked_text("2")].concat();
        let (mut conn, peer) = server(100, &early, |config| config);
        block_on(async {
            conn.read_message().await.unwrap();
            // A second message is in hand, so the reply may wait for the reply to that one.
            conn.write_message("one").await.unwrap();
        });
        peer.expect(&text("one"));
        drop(conn);
        peer.expect_gone();
    });
}

#[test]
fn what_another_task_writes_while_input_is_in_hand_leaves_though_the_reader_looks_at_it() {
    check(|| {
        let early = [masked_text("1"), masked_text("2")].concat();
        let (conn, peer) = server(100, &early, |config| config);
        let (writer, mut reader) = conn.split();
        let writing = task(async move {
            writer.write_message("a").await.unwrap();
            writer
        });
        block_on(async {
            reader.read_message().await.unwrap();
            reader.read_message().await.unwrap();
        });
        peer.expect(&text("a"));
        drop((writing.join().unwrap(), reader));
        peer.expect_gone();
    });
}

#[test]
fn what_was_accepted_is_sent_when_the_last_handle_has_gone() {
    check(|| {
        let (conn, peer) = server(2, b"", |config| config);
        let (writer, reader) = conn.split();
        let leaving = thread::spawn(move || {
            writer.try_write_message("a").unwrap();
            drop(writer);
        });
        drop(reader);
        peer.expect(&text("a"));
        peer.expect_gone();
        leaving.join().unwrap();
    });
}

#[test]
fn a_writer_that_waits_is_told_that_its_runtime_has_ended() {
    check(|| {
        let (conn, peer) = server(2, b"", |config| config.max_queued_output(1));
        let (writer, reader) = conn.split();
        let writing = task(async move {
            writer.try_write_message("a").unwrap();
            assert!(writer.write_message("b").await.is_err());
        });
        end_runtime();
        writing.join().unwrap();
        drop(reader);
        // The transport took only as many bytes as it had room for.
        assert_eq!(peer.read_to_end(), text("a")[..2]);
    });
}
