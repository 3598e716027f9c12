#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_text_message_is_text_and_nothing_else() {
    let message = Message::text("grüße");
    assert_eq!((message.kind(), message.as_text(), message.len()), (MessageKind::Text, Some("grüße"), 7));
    assert_eq!(format!("{message:?}"), "Text(\"grüße\")");
    assert_eq!(message.into_bytes(), "grüße");
}

#[test]
fn a_binary_message_is_no_text_though_its_bytes_are() {
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
fn what_applications_hold_becomes_a_message_of_the_right_kind() {
    for text in [Message::from("a"), Message::from("a".to_owned()), Message::from(Text::from_static("a"))] {
        assert_eq!(text, Message::text("a"));
    }
    for binary in [Message::from(vec![1, 2]), Message::from(&[1, 2][..]), Message::from(Bytes::from_static(&[1, 2]))] {
        assert_eq!(binary, Message::binary(vec![1, 2]));
    }
}

#[test]
fn a_message_is_lent_and_owned_again_unchanged() {
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

#[test]
fn text_takes_only_utf_8() {
    assert_eq!(Text::try_from(&b"gr\xC3\xBC\xC3\x9Fe"[..]).unwrap(), "grüße");
    assert_eq!(Text::try_from(&b"gr\xC3"[..]), Err(ProtocolError::InvalidUtf8));
}

#[test]
fn text_is_compared_and_shown_as_the_string_that_it_is() {
    let text = Text::from("two\nlines");
    assert!(text == *"two\nlines" && text == "two\nlines" && text != "two");
    assert_eq!((text.to_string().as_str(), format!("{text:?}").as_str()), ("two\nlines", "\"two\\nlines\""));
    assert_eq!((text.as_str(), text.as_ref(), text.lines().count()), ("two\nlines", "two\nlines", 2));
}

#[test]
fn the_bytes_of_a_text_are_had_without_a_copy() {
    let text = Text::from("hello".to_owned());
    let place = text.as_ptr();
    assert_eq!(text.to_bytes().as_ptr(), place);
    assert_eq!(text.into_bytes().as_ptr(), place);
}
