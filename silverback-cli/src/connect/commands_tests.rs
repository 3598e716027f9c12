//! The meaning of typed lines.
#![allow(clippy::unwrap_used)]

use super::*;

#[track_caller]
fn check(line: &str, expected: Typed) {
    assert_eq!(parse(line), Ok(expected));
}

#[test]
fn a_line_is_a_message_as_it_is() {
    for line in ["hi", " two  spaces ", "", "a /ping", "{\n  \"a\": 1\n}"] {
        check(line, Typed::Text(line.to_owned()));
    }
    check("//slash", Typed::Text("/slash".to_owned()));
}

#[test]
fn commands_begin_with_a_slash() {
    check("/ping", Typed::Ping(Vec::new()));
    check("/ping are you there", Typed::Ping(b"are you there".to_vec()));
    check("/pong x", Typed::Pong(b"x".to_vec()));
    check("/json", Typed::Json);
    check("/stats", Typed::Stats);
    check("/help", Typed::Help);
    check("/quit", Typed::Quit);
    check("/file a b.bin", Typed::File { path: "a b.bin".into(), is_text: false });
    check("/textfile a.json", Typed::File { path: "a.json".into(), is_text: true });
}

#[test]
fn a_close_has_a_code_and_a_reason_or_neither() {
    check("/close", Typed::Close { code: 1000, reason: String::new() });
    check("/close 4001", Typed::Close { code: 4001, reason: String::new() });
    check("/close 4001 see you  later", Typed::Close { code: 4001, reason: "see you  later".to_owned() });
}

#[test]
fn bytes_are_written_as_hex_or_base64() {
    check("/bin hex:00fF", Typed::Binary(vec![0, 255]));
    check("/bin hex:00 ff 61", Typed::Binary(vec![0, 255, 97]));
    check("/bin base64:AP8=", Typed::Binary(vec![0, 255]));
    check("/bin hex:", Typed::Binary(Vec::new()));
}

#[test]
fn what_makes_no_sense_is_explained() {
    for (line, word) in [
        ("/nonsense", "/help"),
        ("/nonsense", "//nonsense"),
        ("/bin 00ff", "hex:"),
        ("/bin hex:0", "hex:"),
        ("/bin hex:xy", "hex:"),
        ("/bin base64:?", "base64:"),
        ("/close soon", "number"),
        ("/close 70000", "number"),
        ("/file", "path"),
    ] {
        assert!(parse(line).unwrap_err().contains(word), "{line}");
    }
    assert!(parse(&format!("/ping {}", "x".repeat(126))).unwrap_err().contains("125"));
}
