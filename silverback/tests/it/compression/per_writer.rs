//! Each writer says for itself whether its messages may be compressed, whichever way it writes.

use futures_util::SinkExt;
use silverback::{
    Compression, Conn, MessageKind, Negotiated, PreparedMessage, Role, Settings, proto::deflate::DeflateParams,
};
use silverback_testkit::pipe::{Remote, pipe};
use tokio::io::AsyncWriteExt;

use super::prose;
use crate::support::{settle, within};

fn compressing() -> (Conn, Remote) {
    let (pipe, remote) = pipe();
    let settings = Settings::default().compression(Compression::default());
    let mut negotiated = Negotiated::default();
    negotiated.compression = Some(DeflateParams::default());
    (Conn::from_handshake(pipe, Role::Server, negotiated, [], &settings), remote.as_client())
}

/// Returns whether each message that arrived was compressed.
async fn compressed(remote: &Remote) -> Vec<bool> {
    settle().await;
    remote.received_frames().iter().filter(|frame| frame.opcode != 0).map(|frame| frame.rsv1).collect()
}

#[tokio::test(start_paused = true)]
async fn every_way_to_write_heeds_the_option() {
    let (conn, remote) = compressing();
    let (mut writer, _reader) = conn.split();
    for may_compress in [true, false, true] {
        writer.set_write_compression(may_compress);
        assert_eq!(writer.write_compression(), may_compress);
        for text in [prose(100), prose(10_000)] {
            let prepared = PreparedMessage::new(text.clone());
            within(writer.write_message(text.clone())).await.unwrap();
            within(writer.write_borrowed(text.as_str())).await.unwrap();
            within(writer.write_prepared(&prepared)).await.unwrap();
            writer.try_write_message(text.clone()).unwrap();
            writer.try_write_prepared(&prepared).unwrap();
            within(writer.send(text.clone().into())).await.unwrap();
            let mut message = within(writer.next_writer(MessageKind::Text)).await.unwrap();
            within(message.write_all(text.as_bytes())).await.unwrap();
            within(message.finish()).await.unwrap();
            assert_eq!(compressed(&remote).await, [may_compress; 7], "{} bytes", text.len());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn clones_begin_with_the_option_and_then_have_their_own() {
    let (conn, remote) = compressing();
    let (mut writer, _reader) = conn.split();
    writer.set_write_compression(false);
    let secrets = writer.clone();
    writer.set_write_compression(true);
    for _ in 0..2 {
        within(writer.write_message(prose(100))).await.unwrap();
        within(secrets.write_message(prose(100))).await.unwrap();
    }
    assert_eq!(compressed(&remote).await, [true, false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_message_keeps_the_option_under_which_a_sink_took_it() {
    let (conn, remote) = compressing();
    let (writer, _reader) = conn.split();
    let mut open = within(writer.next_writer(MessageKind::Text)).await.unwrap();
    let mut sink = writer.clone();
    sink.set_write_compression(false);
    // A message is open, so this one stays in the sink.
    sink.start_send_unpin(prose(100).into()).unwrap();
    sink.set_write_compression(true);
    within(open.finish()).await.unwrap();
    within(SinkExt::flush(&mut sink)).await.unwrap();
    assert_eq!(compressed(&remote).await, [true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_not_split_has_it_too() {
    let (mut conn, remote) = compressing();
    assert!(conn.write_compression());
    within(conn.write_message(prose(100))).await.unwrap();
    conn.set_write_compression(false);
    assert!(!conn.write_compression());
    within(conn.write_message(prose(100))).await.unwrap();
    within(conn.send(prose(100).into())).await.unwrap();
    let (writer, reader) = conn.split();
    within(writer.write_message(prose(100))).await.unwrap();
    let mut conn = reader.reunite(writer).unwrap();
    within(conn.write_message(prose(100))).await.unwrap();
    assert_eq!(compressed(&remote).await, [true, false, false, false, false]);
}
