//! WebSockets of one topic without a protocol.

use serde_json::json;
use silverback::Message;

use super::{command, connect, dial, frame, start, subscribe};
use crate::support::{ask, handshake, within};

#[tokio::test]
async fn payloads_travel_between_raw_clients_and_those_of_centrifugo() {
    let program = start(&[]);
    let mut client = connect(program.address).await;
    subscribe(&mut client, "chat:7").await;
    let mut raw = dial(program.address, "/ws/topic/chat%3A7").await;
    within(raw.write_message("\"from a raw client\"")).await.unwrap();
    assert_eq!(within(raw.read_message()).await.unwrap().unwrap(), Message::from("\"from a raw client\""));
    assert_eq!(frame(&mut client).await["push"]["pub"]["data"], "from a raw client");
    command(&mut client, json!({"id": 3, "publish": {"channel": "chat:7", "data": {"n": 1}}})).await;
    assert_eq!(within(raw.read_message()).await.unwrap().unwrap(), Message::from("{\"n\":1}"));
}

#[tokio::test]
async fn a_raw_client_may_begin_with_what_the_history_has() {
    let program = start(&[]);
    let mut first = dial(program.address, "/ws/topic/log").await;
    for text in ["one", "two", "three"] {
        within(first.write_message(text)).await.unwrap();
        assert_eq!(within(first.read_message()).await.unwrap().unwrap(), Message::from(text));
    }
    let mut recent = dial(program.address, "/ws/topic/log?recent=2").await;
    for text in ["two", "three"] {
        assert_eq!(within(recent.read_message()).await.unwrap().unwrap(), Message::from(text));
    }
    let mut lost = dial(program.address, "/ws/topic/log?since=other:1").await;
    assert_eq!(super::closed_with(&mut lost).await, 3010, "a part of the history would pass for the whole");
}

#[test]
fn a_handshake_without_a_valid_topic_or_start_is_refused() {
    let program = start(&[]);
    let long = "x".repeat(256);
    for (path, status) in [
        ("", 400),
        ("%", 400),
        ("%ff", 400),
        ("a%0ab", 400),
        (long.as_str(), 400),
        ("a?since=7", 400),
        ("a?recent=-1", 400),
        ("%25joins:a", 401),
        ("a?token=x", 401),
    ] {
        let request = handshake(program.address, &[]).replace("/ws/echo", &format!("/ws/topic/{path}"));
        let answer = ask(program.address, &request);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Bearer"));
    }
}
