//! The lines of a recording.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::connect::view::recorded;

fn at(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

fn written(pieces: Pieces) -> String {
    String::from_utf8(pieces.flatten().collect()).unwrap()
}

/// What is written is read back.
#[track_caller]
fn check(pieces: Pieces, expected: &str, event: Event) {
    let line = written(pieces);
    assert_eq!(line, format!("{expected}\n"));
    assert_eq!(parse(line.as_bytes(), 100), Ok(Entry { at: Some(at(1_769_862_600_123)), event }));
}

#[test]
fn each_event_is_a_line_that_is_read_back() {
    let now = at(1_769_862_600_123);
    check(
        open("ws://h/?…", Some("chat"), now),
        r#"{"subprotocol":"chat","time":"2026-01-31T12:30:00.123Z","type":"open","url":"ws://h/?…"}"#,
        Event::Note,
    );
    check(
        recorded(Message::text("a\n\"\u{9b}é"), "sent", now),
        r#"{"data":"a\n\"\u009bé","direction":"sent","size":7,"time":"2026-01-31T12:30:00.123Z","type":"text"}"#,
        Event::Sent(Message::text("a\n\"\u{9b}é")),
    );
    check(
        recorded(Message::binary(vec![0, 255]), "received", now),
        r#"{"base64":"AP8=","direction":"received","size":2,"time":"2026-01-31T12:30:00.123Z","type":"binary"}"#,
        Event::Received(Message::binary(vec![0, 255])),
    );
    check(
        close(Direction::Sent, Some((4001.into(), "bye \u{202e}")), now),
        r#"{"code":4001,"direction":"sent","reason":"bye \u202e","time":"2026-01-31T12:30:00.123Z","type":"close"}"#,
        Event::CloseSent(4001.into(), "bye \u{202e}".to_owned()),
    );
    check(
        close(Direction::Sent, None, now),
        r#"{"direction":"sent","time":"2026-01-31T12:30:00.123Z","type":"close"}"#,
        Event::CloseSent(CloseCode::NO_STATUS, String::new()),
    );
    check(
        close(Direction::Received, None, now),
        r#"{"direction":"received","time":"2026-01-31T12:30:00.123Z","type":"close"}"#,
        Event::CloseReceived,
    );
}

#[test]
fn a_line_may_be_written_by_hand_and_have_more_fields() {
    let sent = |text: &str| Ok(Entry { at: None, event: Event::Sent(Message::text(text.to_owned())) });
    assert_eq!(parse(br#"{"type":"text","direction":"sent","data":"hi"}"#, 2), sent("hi"));
    assert_eq!(
        parse(br#" {"a":[{}],"data":"\ud83e\udd8d","x":null,"direction":"sent","type":"text"} "#, 4),
        sent("🦍")
    );
    // The page exports what it told its user.
    let advice = br#"{"type":"advice","message":"There is an answer.","was_clean":true}"#;
    assert_eq!(parse(advice, 0), Ok(Entry { at: None, event: Event::Note }));
    // The output of `--format json` has no direction.
    let received = Entry { at: None, event: Event::Received(Message::text("")) };
    assert_eq!(parse(br#"{"data":"","size":7,"type":"text"}"#, 0), Ok(received));
}

#[test]
fn a_line_that_cannot_be_replayed_is_explained() {
    for (line, words) in [
        (&b"hello"[..], "each line must be a JSON object"),
        (br#" ["open"]"#, "each line must be a JSON object"),
        // A byte order mark.
        (b"\xef\xbb\xbf{}", "each line must be a JSON object"),
        (br#"{"type":}"#, "expected value (column 9)"),
        (b"{}", "missing field `type`"),
        (b"{\"type\":\"text\",\"data\":\"\xff\"}", "invalid unicode code point (column"),
        (br#"{"type":"text","data":"\ud800"}"#, "hex escape (column"),
        (br#"{"type":"text","data":1}"#, "expected a string"),
        (br#"{"type":"text","data":"a","data":"b"}"#, "duplicate field `data`"),
        (br#"{"type":"text"} {"type":"text"}"#, "trailing characters"),
        (br#"{"type":"text"}"#, "a text needs `data`"),
        (br#"{"type":"text","base64":"AP8="}"#, "a text needs `data`"),
        (br#"{"type":"binary","data":"a"}"#, "a binary message needs `base64`"),
        (br#"{"type":"binary","base64":"AP8"}"#, "`base64` is not valid"),
        (br#"{"type":"binary","base64":"A$8="}"#, "`base64` is not valid"),
        (br#"{"type":"ping"}"#, "unknown type `ping`"),
        (br#"{"type":"text","data":"a","direction":"up"}"#, "unknown variant `up`, expected `sent` or `received`"),
        (br#"{"type":"text","data":"a","truncated":true}"#, "not complete"),
        (br#"{"type":"text","data":"123456789"}"#, "larger than 8 bytes; --max-message-size"),
        (br#"{"type":"text","data":"a","time":"yesterday"}"#, "`yesterday` is not a time like 2026-"),
        (br#"{"type":"open","time":"2026-02-30T00:00:00Z"}"#, "is not a time"),
        (br#"{"type":"close","direction":"sent","reason":"bye"}"#, "a close with a `reason` needs a `code`"),
        (br#"{"type":"close","direction":"sent","code":1006}"#, "1006"),
        (br#"{"type":"close","direction":"sent","code":70000}"#, "70000"),
    ] {
        let reason = parse(line, 8).unwrap_err();
        assert!(reason.contains(words), "{reason}");
        assert!(!reason.contains("line 1"), "{reason}");
    }
    let long = format!(r#"{{"type":"close","direction":"sent","code":1000,"reason":"{}"}}"#, "x".repeat(124));
    assert!(parse(long.as_bytes(), 8).unwrap_err().contains("at most 123 bytes"));
}
