//! `next_writer`: a message in fragments as large as the write buffer.

use std::io;

use silverback::{Error, MessageKind, Settings};
use silverback_testkit::pipe::Plan;
use silverback_testkit::poll::poll_once;
use silverback_testkit::wire::{binary, close, continuation, ping, pong, text};
use tokio::io::AsyncWriteExt;

use crate::support::{server, server_with, settle, within};

#[tokio::test(start_paused = true)]
async fn gives_fragments_as_large_as_the_write_buffer_however_small_the_writes() {
    let (mut conn, remote) = server_with(&Settings::default().write_buffer_size(1000));
    let mut writer = conn.next_writer(MessageKind::Binary).await.unwrap();
    for _ in 0..250 {
        writer.write_all(&[7; 10]).await.unwrap();
    }
    writer.finish().await.unwrap();
    let expected = [binary([7; 1000]).not_final(), continuation([7; 1000]).not_final(), continuation([7; 500])];
    assert_eq!(remote.received_frames(), expected);
}

#[tokio::test(start_paused = true)]
async fn gives_one_frame_when_all_fits() {
    let (mut conn, remote) = server();
    let mut writer = conn.next_writer(MessageKind::Text).await.unwrap();
    writer.write_all(b"all of ").await.unwrap();
    writer.write_all(b"it").await.unwrap();
    assert_eq!(remote.received_frames(), []);
    writer.shutdown().await.unwrap();
    assert_eq!(remote.received_frames(), [text("all of it")]);
    conn.write_message("next").await.unwrap();
    assert_eq!(remote.received_frames(), [text("next")]);
    assert_eq!(conn.stats().messages_sent, 2);
}

#[tokio::test(start_paused = true)]
async fn gives_a_fragment_when_it_is_flushed() {
    let (mut conn, remote) = server();
    let mut writer = conn.next_writer(MessageKind::Text).await.unwrap();
    writer.write_all(b"now").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(remote.received_frames(), [text("now").not_final()]);
    writer.flush().await.unwrap();
    assert_eq!(remote.received_frames(), [], "no empty fragments");
    writer.finish().await.unwrap();
    assert_eq!(remote.received_frames(), [continuation("")]);
    assert_eq!(writer.write(b"late").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    writer.finish().await.unwrap();
    assert_eq!(remote.received_frames(), []);
}

#[tokio::test(start_paused = true)]
async fn of_nothing_gives_an_empty_message() {
    let (mut conn, remote) = server();
    conn.next_writer(MessageKind::Text).await.unwrap().finish().await.unwrap();
    assert_eq!(remote.received_frames(), [text("")]);
}

#[tokio::test(start_paused = true)]
async fn may_end_a_fragment_inside_a_character_but_not_the_message() {
    let gorilla = "\u{1f98d}".as_bytes();
    let (mut conn, remote) = server();
    let mut writer = conn.next_writer(MessageKind::Text).await.unwrap();
    for byte in gorilla {
        writer.write_all(&[*byte]).await.unwrap();
        writer.flush().await.unwrap();
    }
    writer.finish().await.unwrap();
    let sent: Vec<u8> = remote.received_frames().into_iter().flat_map(|frame| frame.payload).collect();
    assert_eq!(sent, gorilla);

    let mut writer = conn.next_writer(MessageKind::Text).await.unwrap();
    writer.write_all(&gorilla[..3]).await.unwrap();
    assert!(matches!(writer.finish().await, Err(Error::Send(_))));
    drop(writer);
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1011));
}

#[tokio::test(start_paused = true)]
async fn makes_other_messages_wait_but_neither_pings_nor_pongs() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    let mut streaming = writer.next_writer(MessageKind::Text).await.unwrap();
    streaming.write_all(b"one ").await.unwrap();
    streaming.flush().await.unwrap();
    let other = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write_message("other").await }
    });
    assert!(matches!(writer.try_write_message("at once"), Err(silverback::TryWriteError::Full(_))));
    assert!(poll_once(writer.next_writer(MessageKind::Text)).is_pending());
    tokio::spawn(async move { reader.read_message().await });
    remote.send_frame(ping("theirs"));
    settle().await;
    writer.ping(b"ours").unwrap();
    assert!(!other.is_finished());
    streaming.write_all(b"message").await.unwrap();
    streaming.finish().await.unwrap();
    within(other).await.unwrap().unwrap();
    let expected = [text("one ").not_final(), pong("theirs"), ping("ours"), continuation("message"), text("other")];
    assert_eq!(remote.received_frames(), expected);
}

#[tokio::test(start_paused = true)]
async fn waits_for_room_as_every_writer_does() {
    let settings = Settings::default().write_buffer_size(1000).adjust_config(|config| config.max_queued_output(3000));
    let (mut conn, remote) = server_with(&settings);
    remote.plan_writes(Plan::new().stall());
    let mut writer = conn.next_writer(MessageKind::Binary).await.unwrap();
    let payload = vec![7; 100_000];
    {
        let mut writing = Box::pin(writer.write_all(&payload));
        assert!(poll_once(writing.as_mut()).is_pending());
        assert!(conn.stats().queued_output <= 3000);
        remote.release_writes();
        within(writing).await.unwrap();
    }
    within(writer.finish()).await.unwrap();
    let sent: Vec<u8> = remote.received_frames().into_iter().flat_map(|frame| frame.payload).collect();
    assert_eq!(sent, payload);
}

#[tokio::test(start_paused = true)]
async fn is_ended_by_a_close_of_either_side() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    let mut streaming = writer.next_writer(MessageKind::Text).await.unwrap();
    streaming.write_all(b"half").await.unwrap();
    streaming.flush().await.unwrap();
    writer.start_close(1001, "").unwrap();
    streaming.write_all(b"lost").await.unwrap();
    assert_eq!(streaming.flush().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    drop(streaming);
    assert_eq!(remote.received_frames(), [text("half").not_final(), close(1001, "")]);
    remote.send_frame(close(1001, ""));
    remote.half_close();
    assert_eq!(within(reader.read_message()).await.unwrap(), None);
}
