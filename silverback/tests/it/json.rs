//! JSON messages: values come back, and a message that is not JSON does not end the connection.

use std::{collections::HashMap, task::Poll};

use serde::{Deserialize, Serialize};
use silverback::{Dialer, Error, LimitError, Message, PreparedMessage, Upgrader, json};
use silverback_testkit::{
    cuts::one_byte_at_a_time,
    pipe::Plan,
    poll::poll_once,
    wire::{CLIENT_KEY, Frame, binary, close, continuation, ping, pong, text},
};
use tokio::net::TcpListener;

use crate::support::{send_together, server, server_config, within};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u32,
    items: Vec<String>,
    note: Option<String>,
}

fn orders() -> Vec<Order> {
    let order = |id, count| Order {
        id,
        items: (0..count).map(|item| format!("\u{1f98d} no. {item}, \"quoted\"\n")).collect(),
        note: (id % 2 == 0).then(String::new),
    };
    vec![order(0, 0), order(1, 3), order(u32::MAX, 10_000)]
}

#[tokio::test]
async fn values_come_back_over_real_sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let echoing = tokio::spawn(async move {
        let mut conn = Upgrader::new().accept(listener.accept().await.unwrap().0).await.unwrap();
        while let Some(order) = conn.read_json::<Order>().await.unwrap() {
            conn.write_json(&order).await.unwrap();
        }
    });
    let mut conn = within(Dialer::new().dial(&url)).await.unwrap();
    for order in orders() {
        within(conn.write_json(&order)).await.unwrap();
        assert_eq!(within(conn.read_json()).await.unwrap(), Some(order));
    }
    within(conn.close(1000, "")).await.unwrap();
    assert_eq!(conn.read_json::<Order>().await.unwrap(), None);
    echoing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_value_is_one_text_message_and_nothing_else() {
    let (mut conn, remote) = server();
    conn.write_json(&[1, 2]).await.unwrap();
    conn.write_json("h\u{e9}").await.unwrap();
    let (writer, _reader) = conn.split();
    writer.write_json(&None::<u8>).await.unwrap();
    let prepared = PreparedMessage::new(json::to_message(&true).unwrap());
    writer.write_prepared(&prepared).await.unwrap();
    assert_eq!(remote.received_frames(), [text("[1,2]"), text("\"h\u{e9}\""), text("null"), text("true")]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_something_else_is_given_back_and_the_next_one_is_read() {
    let (mut conn, remote) = server();
    let strangers = [
        text("no JSON"),
        text(""),
        text("{\"id\":1,\"items\":[]"),
        text("{\"id\":-1,\"items\":[],\"note\":null}"),
        text("{\"id\":1,\"items\":[],\"note\":null} {}"),
        text("[".repeat(100_000)),
        binary([0xFF, 0x00]),
        binary(b"{\"id\":1,\"items\":[\"\xE2\x82\"],\"note\":null}"),
    ];
    for stranger in strangers {
        send_together(&remote, [stranger.clone(), text("{\"id\":1,\"items\":[],\"note\":null}")]);
        let error = within(conn.read_json::<Order>()).await.unwrap_err();
        assert!(!error.is_peer_fault() && !error.is_disconnect());
        let Error::Json(error) = error else { panic!("{error}") };
        assert!(error.to_string().contains("is not the JSON that was asked for: "), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(error.json_error().line() <= 1);
        assert_eq!(error.message().unwrap().as_bytes(), stranger.payload);
        assert_eq!(error.into_message().unwrap().into_bytes(), stranger.payload);
        assert_eq!(conn.close_info(), None);
        let next = within(conn.read_json::<Order>()).await.unwrap().unwrap();
        assert_eq!(next, Order { id: 1, items: vec![], note: None });
    }
    assert_eq!(remote.received_frames(), [], "the peer is told nothing");
}

#[tokio::test(start_paused = true)]
async fn binary_messages_are_read_as_text_is() {
    let (mut conn, remote) = server();
    for frame in [text(" [1, 2]\n"), binary(" [1, 2]\n")] {
        remote.send_frame(frame);
        assert_eq!(within(conn.read_json::<Vec<u8>>()).await.unwrap(), Some(vec![1, 2]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_may_borrow_from_its_message() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Named<'a> {
        name: &'a str,
    }
    let (conn, remote) = server();
    let (_writer, mut reader) = conn.split();
    send_together(&remote, [text("{\"name\":\"Koko\"}"), text("{\"name\":\"Digit\"}")]);
    assert_eq!(within(reader.read_json()).await.unwrap(), Some(Named { name: "Koko" }));
    assert_eq!(within(reader.read_json()).await.unwrap(), Some(Named { name: "Digit" }));

    let message = Message::from("{\"name\":\"Michael\"}");
    assert_eq!(json::from_message::<Named<'_>>(&message).unwrap(), Named { name: "Michael" });
}

#[tokio::test(start_paused = true)]
async fn a_value_without_json_sends_nothing() {
    let (mut conn, remote) = server();
    let without_json = HashMap::from([((1, 2), "keys of objects are strings")]);
    let Err(Error::Json(error)) = conn.write_json(&without_json).await else { panic!("it has no JSON") };
    assert!(error.message().is_none());
    assert!(error.to_string().starts_with("a value cannot be written as JSON: "), "{error}");
    assert_eq!(remote.received_frames(), []);
    conn.write_json(&1).await.unwrap();
    assert_eq!(remote.received_frames(), [text("1")]);
}

#[tokio::test(start_paused = true)]
async fn the_limit_on_messages_holds() {
    let (mut conn, remote) = server_config(|config| config.max_message_size(10));
    remote.send_frame(text("\"12345678\""));
    assert_eq!(within(conn.read_json::<String>()).await.unwrap().unwrap(), "12345678");
    remote.send_frame(text("\"123456789\""));
    remote.half_close();
    let error = within(conn.read_json::<String>()).await.unwrap_err();
    assert!(matches!(error, Error::Limit(LimitError::Frame { size: 11, limit: 10 })), "{error}");
    assert!(error.is_peer_fault());
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1009));
}

#[tokio::test(start_paused = true)]
async fn text_that_is_not_utf8_breaks_the_protocol_before_it_is_no_json() {
    let (mut conn, remote) = server();
    remote.send_frame(text(b"\"\xE2\x82\""));
    remote.half_close();
    let error = within(conn.read_json::<String>()).await.unwrap_err();
    assert!(matches!(error, Error::Protocol(_)) && error.is_peer_fault(), "{error}");
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1007));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_though_the_bytes_come_one_by_one_and_every_read_is_dropped() {
    let whole = json::to_message(&orders()[1]).unwrap();
    let (first, second) = whole.as_bytes().split_at(50);
    let frames = [
        text(first).not_final(),
        ping("between"),
        continuation(second),
        text("no JSON"),
        binary(whole.as_bytes()),
        close(1000, ""),
    ];
    let wire: Vec<u8> = frames.into_iter().flat_map(|frame: Frame| frame.masked(CLIENT_KEY).encode()).collect();
    let (mut conn, remote) = server();
    let mut seen = Vec::new();
    for byte in one_byte_at_a_time(&wire) {
        remote.send(byte);
        if let Poll::Ready(read) = poll_once(conn.read_json::<Order>()) {
            seen.push(read.map_err(|error| matches!(error, Error::Json(_))));
        }
    }
    assert_eq!(seen, [Ok(Some(orders()[1].clone())), Err(true), Ok(Some(orders()[1].clone()))]);
    remote.half_close();
    assert_eq!(within(conn.read_json::<Order>()).await.unwrap(), None);
    assert_eq!(remote.received_frames(), [pong("between"), close(1000, "")]);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_waits_for_room_is_not_needed_and_not_sent_when_it_is_dropped() {
    let (conn, remote) = server_config(|config| config.max_queued_output(10));
    remote.plan_writes(Plan::new().stall());
    let (writer, _reader) = conn.split();
    writer.write_json("fills all the room").await.unwrap();
    let mut value = vec![1, 2];
    {
        let waiting = writer.write_json(&value);
        value.push(3);
        assert!(poll_once(waiting).is_pending());
    }
    let waiting = writer.write_json(&value);
    drop(value);
    remote.release_writes();
    within(waiting).await.unwrap();
    within(writer.flush()).await.unwrap();
    assert_eq!(remote.received_frames(), [text("\"fills all the room\""), text("[1,2,3]")]);
}
