#![allow(clippy::unwrap_used)]

use super::*;
use crate::wire::opcode::Opcode;

#[test]
fn a_text_message_has_a_text() {
    let message = Message::text("grüße");
    assert_eq!((message.kind(), message.as_text(), message.len()), (MessageKind::Text, Some("grüße"), 7));
    assert_eq!(format!("{message:?}"), "Text(\"grüße\")");
    assert_eq!(message.into_bytes(), "grüße");
}

#[test]
fn a_binary_message_stays_binary_even_if_its_bytes_are_text() {
    let message = Message::binary("plain");
    assert_eq!((message.kind(), message.as_text(), message.len()), (MessageKind::Binary, None, 5));
    assert_ne!(message, Message::text("plain"));
    assert_eq!(message.into_bytes(), "plain");
}

#[test]
fn an_empty_message_is_empty_in_both_kinds() {
    for message in [Message::text(""), Message::binary("")] {
        assert!(message.is_empty(), "{message:?}");
    }
    assert!(!Message::text(" ").is_empty());
}

#[test]
fn a_message_knows_its_kind() {
    for (message, is_text) in [(Message::text("a"), true), (Message::binary("a"), false)] {
        assert_eq!((message.is_text(), message.is_binary()), (is_text, !is_text));
        let borrowed = message.as_ref();
        assert_eq!((borrowed.is_text(), borrowed.is_binary()), (is_text, !is_text));
    }
}

#[test]
fn strings_become_text_messages() {
    let string = "a".to_owned();
    for text in [
        Message::from("a"),
        Message::from(&string),
        Message::from(string.clone()),
        Message::from(string.clone().into_boxed_str()),
        Message::from(Cow::Borrowed("a")),
        Message::from(Cow::Owned(string.clone())),
        Message::from(Text::from_static("a")),
    ] {
        assert_eq!(text, Message::text("a"));
    }
}

#[test]
fn bytes_become_binary_messages() {
    for binary in [
        Message::from(vec![1, 2]),
        Message::from([1, 2]),
        Message::from(&[1, 2]),
        Message::from(&[1, 2][..]),
        Message::from(vec![1, 2].into_boxed_slice()),
        Message::from(Bytes::from_static(&[1, 2])),
        Message::from(BytesMut::from(&[1, 2][..])),
    ] {
        assert_eq!(binary, Message::binary(vec![1, 2]));
    }
}

#[test]
fn both_kinds_become_bytes() {
    for message in [Message::text("abc"), Message::binary("abc")] {
        assert_eq!(Bytes::from(message.clone()), "abc");
        assert_eq!(message.clone().into_data(), "abc");
        assert_eq!(Vec::from(message), b"abc");
    }
}

#[test]
fn both_kinds_are_read_as_text_if_they_hold_utf_8() {
    for message in [Message::text("grüße"), Message::binary("grüße")] {
        assert_eq!((message.to_text(), message.as_ref().to_text()), (Ok("grüße"), Ok("grüße")));
        assert_eq!(message.into_text(), Ok(Text::from("grüße")));
    }
    let binary = Message::binary(vec![0xFF]);
    let error = ProtocolError::InvalidUtf8;
    assert_eq!((binary.to_text(), binary.as_ref().to_text()), (Err(error), Err(error)));
    assert_eq!(binary.into_text(), Err(error));
}

#[test]
fn a_message_is_shown_as_its_text_or_its_length() {
    assert_eq!(Message::text("two\nlines").to_string(), "two\nlines");
    assert_eq!(Message::binary("abc").to_string(), "3 bytes of binary data");
}

#[test]
fn a_message_is_unchanged_after_borrowing_and_copying() {
    for message in [Message::text("text"), Message::binary("binary")] {
        let lent = MessageRef::from(&message);
        assert_eq!((lent.kind(), lent.as_bytes()), (message.kind(), message.as_bytes()));
        assert_eq!(Message::from(lent), message);
    }
}

#[test]
fn a_kind_is_called_as_its_opcode() {
    for kind in [MessageKind::Text, MessageKind::Binary] {
        assert_eq!(kind.to_string(), kind.opcode().to_string());
        assert_eq!(MessageKind::from_opcode(kind.opcode()), Some(kind));
    }
    assert_eq!(MessageKind::from_opcode(Opcode::PING), None);
}
