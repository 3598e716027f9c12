//! Bytes written by hand, and both encodings against each other.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use silverback::Message;

use super::{
    codes::{Disconnect, ErrorCode},
    frame::{Commands, Format, MalformedFrame, encode},
    messages::*,
};

fn json(text: &str) -> Vec<Result<Command, MalformedFrame>> {
    Commands::new(Format::Json, Message::from(text)).collect()
}

fn protobuf(bytes: &[u8]) -> Vec<Result<Command, MalformedFrame>> {
    Commands::new(Format::Protobuf, Message::from(bytes.to_vec())).collect()
}

fn subscribe(id: u32, request: SubscribeRequest) -> Command {
    Command { id, subscribe: Some(request), ..Command::default() }
}

fn written(reply: &Reply) -> String {
    encode(Format::Json, [reply]).as_text().unwrap().to_owned()
}

#[test]
fn several_commands_arrive_in_one_json_message() {
    let text = "{\"id\":1,\"connect\":{\"token\":\"t\",\"name\":\"js\"}}\n\r\n{\"id\":2,\"subscribe\":{\"channel\":\"a\",\"recover\":true,\"epoch\":\"e\",\"offset\":7,\"flag\":2}}\n{}\n";
    let connect = ConnectRequest { token: "t".into(), name: "js".into(), ..ConnectRequest::default() };
    let request = SubscribeRequest {
        channel: "a".into(),
        recover: true,
        epoch: "e".into(),
        offset: 7,
        flag: 2,
        ..Default::default()
    };
    assert_eq!(
        json(text),
        [
            Ok(Command { id: 1, connect: Some(connect), ..Command::default() }),
            Ok(subscribe(2, request)),
            Ok(Command::default()),
        ]
    );
}

#[test]
fn several_commands_arrive_in_one_protobuf_message() {
    let bytes = [
        // id 2, field 5: subscribe, with the channel "a", recover, the epoch "e", the offset 7 and the flag 2.
        &[16, 0x08, 2, 0x2a, 12, 0x0a, 1, b'a', 0x18, 1, 0x32, 1, b'e', 0x38, 7, 0x70, 2][..],
        // An answer to a ping.
        &[0],
        // id 3, field 7: publish "hi" to "a".
        &[11, 0x08, 3, 0x3a, 7, 0x0a, 1, b'a', 0x12, 2, b'h', b'i'],
    ]
    .concat();
    let request = SubscribeRequest {
        channel: "a".into(),
        recover: true,
        epoch: "e".into(),
        offset: 7,
        flag: 2,
        ..Default::default()
    };
    let publish = PublishRequest { channel: "a".into(), data: Bytes::from_static(b"hi") };
    assert_eq!(
        protobuf(&bytes),
        [
            Ok(subscribe(2, request)),
            Ok(Command::default()),
            Ok(Command { id: 3, publish: Some(publish), ..Command::default() }),
        ]
    );
}

#[test]
fn every_command_has_its_name_and_its_number() {
    for (name, tag) in [
        ("connect", 4),
        ("subscribe", 5),
        ("unsubscribe", 6),
        ("publish", 7),
        ("presence", 8),
        ("presence_stats", 9),
        ("history", 10),
        ("ping", 11),
        ("send", 12),
        ("rpc", 13),
        ("refresh", 14),
        ("sub_refresh", 15),
    ] {
        let text = json(&format!("{{\"id\":1,\"{name}\":{{}}}}"));
        let bytes = protobuf(&[4, 0x08, 1, tag << 3 | 2, 0]);
        assert_eq!(text, bytes, "{name}");
        assert_ne!(text[0].as_ref().unwrap(), &Command { id: 1, ..Command::default() }, "{name}");
    }
}

#[test]
fn every_push_has_its_name_and_its_number() {
    let push = |push| Reply { push: Some(Push { channel: "a".into(), ..push }), ..Reply::default() };
    let empty = Push::default;
    for (name, tag, one) in [
        ("pub", 4, Push { publication: Some(Publication::default()), ..empty() }),
        ("join", 5, Push { join: Some(Presence::default()), ..empty() }),
        ("leave", 6, Push { leave: Some(Presence::default()), ..empty() }),
        ("unsubscribe", 7, Push { unsubscribe: Some(Unsubscribe::default()), ..empty() }),
        ("message", 8, Push { message: Some(Data::default()), ..empty() }),
        ("subscribe", 9, Push { subscribe: Some(Subscribe::default()), ..empty() }),
        ("disconnect", 11, Push { disconnect: Some(Closed::default()), ..empty() }),
        ("refresh", 12, Push { refresh: Some(Refresh::default()), ..empty() }),
    ] {
        let reply = push(one);
        assert_eq!(written(&reply), format!("{{\"push\":{{\"channel\":\"a\",\"{name}\":{{}}}}}}"));
        let bytes = [7, 0x22, 5, 0x12, 1, b'a', tag << 3 | 2, 0];
        assert_eq!(encode(Format::Protobuf, [&reply]).as_bytes(), bytes, "{name}");
    }
}

#[test]
fn replies_are_lines_in_json_and_have_lengths_in_protobuf() {
    let replies = [
        Reply { id: 1, publish: Some(Empty {}), ..Reply::default() },
        Reply { id: 2, error: Some(ErrorCode::PermissionDenied.into()), ..Reply::default() },
        Reply::default(),
    ];
    assert_eq!(
        encode(Format::Json, &replies).as_text().unwrap(),
        "{\"id\":1,\"publish\":{}}\n{\"id\":2,\"error\":{\"code\":103,\"message\":\"permission denied\"}}\n{}"
    );
    let denied = b"\x08\x67\x12\x11permission denied";
    let expected = [&[4, 0x08, 1, 0x42, 0][..], &[25, 0x08, 2, 0x12, denied.len() as u8], denied, &[0]].concat();
    assert_eq!(encode(Format::Protobuf, &replies).as_bytes(), expected);
}

#[test]
fn offsets_above_2_to_the_53_are_not_lost() {
    for offset in [(1 << 53) + 1, u64::MAX] {
        let text = format!("{{\"id\":1,\"subscribe\":{{\"channel\":\"a\",\"offset\":{offset}}}}}");
        let request = SubscribeRequest { channel: "a".into(), offset, ..SubscribeRequest::default() };
        assert_eq!(json(&text), [Ok(subscribe(1, request))]);
        let publication = Publication { offset, data: Bytes::from_static(b"{}"), ..Publication::default() };
        let push = Push { publication: Some(publication), ..Push::default() };
        let reply = Reply { push: Some(push), ..Reply::default() };
        assert!(written(&reply).contains(&format!("\"offset\":{offset}")));
    }
}

#[test]
fn a_payload_cannot_break_a_frame() {
    for (payload, expected) in [
        (&b"{\"a\": [1,\r\n 2]}"[..], r#"{"a": [1,   2]}"#),
        (b" 17\n", "17"),
        (b"hello", r#""hello""#),
        (b"{\"a\":\"\n\"}", r#""{\"a\":\"\n\"}""#),
        (b"{}}", r#""{}}""#),
        (b"{}\n{}", r#""{}\n{}""#),
        (b"\"\\\"\n\"", r#""\"\\\"\n\"""#),
        (b"\xff\x00", r#""/wA=""#),
    ] {
        let reply = Reply { rpc: Some(Data { data: payload.to_vec().into() }), ..Reply::default() };
        let text = written(&reply);
        assert_eq!(text, format!("{{\"rpc\":{{\"data\":{expected}}}}}"));
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    }
}

#[test]
fn a_malformed_message_is_an_error_after_the_commands_before_it() {
    for text in ["17", "{", "{\"id\":-1}", "{\"id\":1,\"publish\":7}", "{\"connect\":{\"token\":1}}", "{}}"] {
        assert_eq!(json(&format!("{{}}\n{text}\n{{}}")), [Ok(Command::default()), Err(MalformedFrame)], "{text}");
    }
    for bytes in [&[5][..], &[1, 0x07], &[2, 0x08], &[3, 0x2a, 9, 0], &[0xff; 11]] {
        assert_eq!(protobuf(&[&[0], bytes].concat()), [Ok(Command::default()), Err(MalformedFrame)], "{bytes:?}");
    }
}

#[test]
fn what_this_version_does_not_know_is_passed_over() {
    let text = r#"{"id":1,"subscribe":{"channel":"a","delta":"fossil","tf":{"op":"and","nodes":[]}},"new":{"x":1}}"#;
    let request = SubscribeRequest { channel: "a".into(), ..SubscribeRequest::default() };
    assert_eq!(json(text), [Ok(subscribe(1, request.clone()))]);
    // The fields 12 and 13 of the request, and the field 99 of the command.
    let bytes = [16, 0x08, 1, 0x2a, 8, 0x0a, 1, b'a', 0x62, 1, b'f', 0x6a, 0, 0x9a, 0x06, 1, b'x'];
    assert_eq!(protobuf(&bytes), [Ok(subscribe(1, request))]);
}

#[test]
fn each_error_has_its_number_and_only_two_are_temporary() {
    let all = [
        ErrorCode::Internal,
        ErrorCode::Unauthorized,
        ErrorCode::UnknownChannel,
        ErrorCode::PermissionDenied,
        ErrorCode::MethodNotFound,
        ErrorCode::AlreadySubscribed,
        ErrorCode::LimitExceeded,
        ErrorCode::BadRequest,
        ErrorCode::NotAvailable,
        ErrorCode::TokenExpired,
        ErrorCode::Expired,
        ErrorCode::TooManyRequests,
        ErrorCode::UnrecoverablePosition,
        ErrorCode::TokenRevoked,
    ];
    assert!(all.iter().map(|code| code.code()).eq(100..=113));
    let temporary: Vec<_> = all.iter().filter(|code| code.is_temporary()).map(|code| code.code()).collect();
    assert_eq!(temporary, [100, 111]);
}

#[test]
fn a_close_code_says_whether_to_reconnect() {
    for (code, expected) in [(3000, true), (3499, true), (3500, false), (3999, false)] {
        assert_eq!(Disconnect { code, reason: "".into() }.is_reconnect(), expected, "{code}");
    }
    for (code, expected) in [(4000, true), (4499, true), (4500, false), (4999, false), (1000, false)] {
        assert_eq!(Disconnect { code, reason: "".into() }.is_reconnect(), expected, "{code}");
    }
}

fn payload() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        Just(Bytes::new()),
        any::<i32>().prop_map(|number| number.to_string().into()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap().into()),
        prop::collection::btree_map("[a-z]", any::<bool>(), 0..3)
            .prop_map(|map| serde_json::to_string(&map).unwrap().into()),
    ]
}

fn publication() -> impl Strategy<Value = Publication> {
    let info = prop::option::of((any::<String>(), any::<String>(), payload()));
    (payload(), info, any::<u64>()).prop_map(|(data, info, offset)| Publication {
        data,
        info: info.map(|(user, client, conn_info)| ClientInfo { user, client, conn_info, ..ClientInfo::default() }),
        offset,
        tags: BTreeMap::new(),
    })
}

fn reply() -> impl Strategy<Value = Reply> {
    let result =
        (any::<bool>(), any::<u32>(), any::<String>(), any::<u64>(), prop::collection::vec(publication(), 0..3));
    let result = result.prop_map(|(expires, ttl, epoch, offset, publications)| SubscribeResult {
        expires,
        ttl,
        epoch,
        offset,
        publications,
        recovered: expires,
        ..SubscribeResult::default()
    });
    let result = result.boxed();
    let push = (any::<String>(), publication()).prop_map(|(channel, publication)| Push {
        channel,
        publication: Some(publication),
        ..Push::default()
    });
    let subs = prop::collection::btree_map(any::<String>(), result.clone(), 0..3);
    (any::<u32>(), prop::option::of(result), prop::option::of(push), prop::option::of(subs)).prop_map(
        |(id, subscribe, push, subs)| Reply {
            id,
            subscribe,
            push,
            connect: subs.map(|subs| ConnectResult { subs, ..ConnectResult::default() }),
            ..Reply::default()
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    (any::<u32>(), any::<String>(), payload(), any::<u64>(), any::<i32>(), 0..4).prop_map(
        |(id, text, data, offset, limit, kind)| {
            let channel = text.clone();
            match kind {
                0 => Command {
                    id,
                    history: Some(HistoryRequest {
                        channel,
                        limit,
                        since: Some(StreamPosition { offset, epoch: text }),
                        reverse: limit > 0,
                    }),
                    ..Command::default()
                },
                1 => Command { id, publish: Some(PublishRequest { channel, data }), ..Command::default() },
                2 => Command { id, rpc: Some(RpcRequest { method: text, data }), ..Command::default() },
                _ => {
                    subscribe(id, SubscribeRequest { channel, offset, data, flag: limit.into(), ..Default::default() })
                }
            }
        },
    )
}

proptest! {
    #[test]
    fn both_encodings_say_the_same(replies in prop::collection::vec(reply(), 1..4)) {
        let text = encode(Format::Json, &replies);
        let lines: Vec<Reply> =
            text.as_text().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let message = encode(Format::Protobuf, &replies);
        let mut bytes = message.as_bytes();
        let mut decoded = Vec::new();
        while !bytes.is_empty() {
            decoded.push(Reply::decode_length_delimited(&mut bytes).unwrap());
        }
        prop_assert_eq!(&lines, &decoded);
        prop_assert_eq!(lines, replies);
    }

    #[test]
    fn both_encodings_hear_the_same(commands in prop::collection::vec(command(), 1..4)) {
        let lines: Vec<_> = commands.iter().map(|command| serde_json::to_string(command).unwrap()).collect();
        let bytes: Vec<_> = commands.iter().flat_map(|command| command.encode_length_delimited_to_vec()).collect();
        let expected: Vec<_> = commands.into_iter().map(Ok).collect();
        prop_assert_eq!(json(&lines.join("\n")), expected.clone());
        prop_assert_eq!(protobuf(&bytes), expected);
    }

    #[test]
    fn no_bytes_cause_a_panic_or_go_on_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(protobuf(&bytes).len() <= bytes.len());
        prop_assert!(Commands::new(Format::Json, Message::from(bytes.clone())).count() <= bytes.len());
    }
}
