//! Recordings that are read.
#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;

#[test]
fn a_speed_is_a_number_or_0() {
    for (text, scaled) in [("1", 2000), ("2", 1000), ("0.5", 4000), (" 0 ", 0), ("0.001", 2_000_000), ("1000000", 0)] {
        let speed = Speed::parse(text).unwrap();
        assert_eq!(speed.scale(Duration::from_secs(2)).as_millis(), scaled, "{text}");
    }
    for text in ["", "x", "-1", "0.0001", "1e7", "inf", "NaN"] {
        assert!(Speed::parse(text).is_err(), "{text}");
    }
    assert_eq!(Speed(0.001).scale(Duration::MAX), Duration::MAX);
}

/// A recording of these lines.
fn recording(name: &str, lines: &[u8]) -> Result<Recording, String> {
    let path = std::env::temp_dir().join(format!("silverback-{name}-{}", std::process::id()));
    fs::write(&path, lines).unwrap();
    Recording::validate(&path, 100).map_err(|error| error.to_string())
}

#[test]
fn what_was_sent_is_given_in_its_order_with_the_last_close_at_the_end() {
    let lines = br#"{"type":"open"}

{"type":"text","direction":"sent","data":"a"}
{"type":"close","direction":"sent","code":4000}
{"type":"text","direction":"received","data":"A"}
{"type":"binary","direction":"sent","base64":"AA=="}
{"type":"close","direction":"sent","code":4001,"reason":"bye"}
{"type":"close","code":1006}"#;
    let recording = recording("ordered", lines).unwrap();
    assert_eq!(recording.received, 1);
    let mut given = Vec::new();
    recording.replay(Speed(1.0), |input| {
        given.push(match input {
            Input::Message(message) => format!("{:?}", message.as_bytes()),
            Input::CloseWith(code, reason) => format!("{} {reason}", code.get()),
            Input::End => "end".to_owned(),
            input => panic!("{input:?}"),
        });
        true
    });
    assert_eq!(given, ["[97]", "[0]", "4001 bye", "end"]);
    let mut expected = Vec::new();
    recording.expect(|next| {
        let Expected { line, message } = next.unwrap();
        expected.push((line, message));
        true
    });
    assert_eq!(expected, [(5, Message::text("A"))]);
    fs::remove_file(recording.path()).unwrap();
}

#[test]
fn a_fault_is_told_with_its_line() {
    let check = |lines: &[u8], words: &str| {
        let reason = recording("faulty", lines).unwrap_err();
        assert!(reason.contains(words), "{reason}");
    };
    check(b"{\"type\":\"open\"}\n\n{\"type\":\"x\"}\n", ":3: unknown type `x`");
    check(b"{\"type\":\"open\"}\n{\"type\":\"te", ":2: the last line is not complete");
    check(&b"x".repeat(100 * 1024), ":1: the line is too long");
    check(
        &[&b"{\"type\":\"open\",\"x\":\""[..], &b"x".repeat(66 * 1024), b"\"}\n"].concat(),
        ":1: the line is too long",
    );
    let path = std::env::temp_dir().join(format!("silverback-faulty-{}", std::process::id()));
    fs::remove_file(&path).unwrap();
    let reason = Recording::validate(&path, 100).unwrap_err();
    assert!(reason.to_string().contains("No such file"), "{reason}");
    assert_eq!(reason.code(), 2);
}
