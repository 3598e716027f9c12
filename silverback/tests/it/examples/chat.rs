//! `chat`: which guests get which messages, and what happens to guests who do not read.

use silverback::Conn;
use tokio::task::JoinSet;

use super::running::{Running, assert_is_self_contained, closed, text};
use crate::support::within;

fn chat() -> Running {
    Running::start("chat", &["127.0.0.1:0"])
}

/// A guest who has been told its number.
async fn guest(chat: &Running, number: u32) -> Conn {
    let mut conn = chat.dial().await;
    assert_eq!(text(&mut conn).await, format!("* you are guest {number}; guests here: {number}"));
    conn
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_see_what_each_other_writes_and_who_comes_and_goes() {
    let chat = chat();
    let mut first = guest(&chat, 1).await;
    let mut second = guest(&chat, 2).await;
    assert_eq!(text(&mut first).await, "* guest 2 joined");

    first.write_message("hello").await.unwrap();
    second.write_message(" \n").await.unwrap();
    second.write_message("gr\u{fc}\u{df}e: an alle").await.unwrap();
    for conn in [&mut first, &mut second] {
        // Neither waits for the other: they may come in either order.
        let mut lines = [text(conn).await, text(conn).await];
        lines.sort();
        assert_eq!(lines, ["guest 1: hello", "guest 2: gr\u{fc}\u{df}e: an alle"]);
    }

    within(second.close(1000, "")).await.unwrap();
    assert_eq!(text(&mut first).await, "* guest 2 left");
    let third = chat.dial().await;
    assert_eq!(text(&mut first).await, "* guest 3 joined");
    drop(third);
    assert_eq!(text(&mut first).await, "* guest 3 left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_who_does_not_read_is_dropped_and_told_while_the_others_go_on() {
    let chat = chat();
    let mut listener = guest(&chat, 1).await;
    let mut slow = guest(&chat, 2).await;
    let mut silent = guest(&chat, 3).await;
    let mut talkers = JoinSet::new();
    for _ in 0..8 {
        talkers.spawn(talk(chat.dial().await));
    }

    let mut dropped = Vec::new();
    while dropped.len() < 2 {
        let line = text(&mut listener).await;
        dropped.extend(line.strip_suffix(" could not keep up").map(str::to_owned));
    }
    dropped.sort();
    assert_eq!(dropped, ["* guest 2", "* guest 3"]);

    // The queued messages arrive, and then the reason for closing.
    while let Some(line) = within(slow.read_message()).await.unwrap() {
        assert_ne!(line.as_text(), Some("after"));
    }
    let info = slow.close_info().unwrap();
    assert_eq!((info.code.get(), info.reason.as_ref()), (1013, "you could not keep up"));
    // The other one is not waited for any longer than a closing handshake may take.
    silent.ping(b"it writes, but it does not read").unwrap();
    until_line(&mut listener, "* guest 3 left").await;

    talkers.shutdown().await;
    listener.write_message("after").await.unwrap();
    until_line(&mut listener, "guest 1: after").await;
    let peak = chat.peak_memory();
    assert!(peak.is_none_or(|bytes| bytes < 64 * 1024 * 1024), "{peak:?} bytes");
}

/// Writes as much as it can, and hears all of it.
async fn talk(conn: Conn) {
    let (writer, mut reader) = conn.split();
    let chatter = async { while writer.write_message("x".repeat(4096)).await.is_ok() {} };
    let hear = async { while let Ok(Some(_)) = reader.read_borrowed().await {} };
    tokio::join!(chatter, hear);
}

async fn until_line(conn: &mut Conn, expected: &str) {
    while text(conn).await != expected {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_who_break_the_rules_of_the_house_are_told() {
    let chat = chat();
    let mut conn = guest(&chat, 1).await;
    conn.write_message(vec![1, 2, 3]).await.unwrap();
    assert_eq!(closed(&mut conn).await, (1003, "this chat takes text".to_owned()));

    let mut conn = chat.dial().await;
    conn.write_message("x".repeat(4097)).await.unwrap();
    while within(conn.read_message()).await.unwrap().is_some() {}
    assert_eq!(conn.close_info().unwrap().code.get(), 1009);
    chat.assert_refuses_other_sites().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_told_when_the_server_is_interrupted() {
    let mut chat = chat();
    let (mut first, mut second) = (guest(&chat, 1).await, guest(&chat, 2).await);
    assert_eq!(text(&mut first).await, "* guest 2 joined");
    chat.interrupt();
    for conn in [&mut first, &mut second] {
        assert_eq!(closed(conn).await, (1001, "the server is going away".to_owned()));
        assert!(conn.close_info().unwrap().is_clean);
    }
    assert!(chat.ended().success());
}

#[test]
fn the_page_is_one_document() {
    assert_is_self_contained(&chat().page());
}
