//! The output of a message, for people and programs.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};

use super::*;

fn view(format: Format, on_terminal: bool) -> View {
    View { format, on_terminal, has_prompt: false, has_colours: false, has_timestamps: false, lays_out_json: true }
}

/// All that is written for a message.
fn written(view: &View, message: MessageRef<'_>, at: SystemTime) -> Vec<u8> {
    view.message(message.to_message(), at).flatten().collect()
}

fn at(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

#[track_caller]
fn check(view: &View, message: MessageRef<'_>, expected: &str) {
    assert_eq!(String::from_utf8(written(view, message, at(0))).unwrap(), expected);
}

mod for_programs {
    use super::*;

    #[test]
    fn text_is_a_line() {
        check(&view(Format::Text, false), MessageRef::Text("hi \x1b[31m"), "hi \x1b[31m\n");
        check(&view(Format::Text, false), MessageRef::Text("{\"a\":1}"), "{\"a\":1}\n");
        check(&view(Format::Text, false), MessageRef::Text(""), "\n");
    }

    #[test]
    fn bytes_among_text_are_base64() {
        check(&view(Format::Text, false), MessageRef::Binary(&[0, 255]), "base64:AP8=\n");
    }

    #[test]
    fn hex_is_a_line_of_either_kind() {
        check(&view(Format::Hex, false), MessageRef::Binary(&[0, 255]), "00ff\n");
        check(&view(Format::Hex, false), MessageRef::Text("hi"), "6869\n");
    }

    #[test]
    fn raw_adds_nothing() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(written(&view(Format::Raw, false), MessageRef::Binary(&bytes), at(0)), bytes);
        check(&view(Format::Raw, false), MessageRef::Text("hi"), "hi");
    }

    #[test]
    fn json_is_an_object_on_a_line_wherever_it_goes() {
        for on_terminal in [false, true] {
            let text = written(&view(Format::Json, on_terminal), MessageRef::Text("a\n\"\x1b"), at(1_769_862_600_123));
            let line = String::from_utf8(text).unwrap();
            assert_eq!(line.matches('\n').count(), 1);
            assert!(!line.contains('\x1b'));
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            let expected = serde_json::json!({
                "time": "2026-01-31T12:30:00.123Z", "type": "text", "size": 4, "data": "a\n\"\x1b",
            });
            assert_eq!(object, expected);
        }
        let bytes = written(&view(Format::Json, false), MessageRef::Binary(&[0, 255]), at(0));
        let object: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&object["type"], &object["base64"]), (&"binary".into(), &"AP8=".into()));
    }

    #[test]
    fn lines_can_have_a_time() {
        let view = View { has_timestamps: true, ..view(Format::Text, false) };
        check(&view, MessageRef::Text("hi"), "1970-01-01T00:00:00.000Z hi\n");
    }
}

mod for_people {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left() {
        let dangerous = "a\x1b[2Jb\x07\r\u{9b}31m\u{202e}c\u{200b}\u{2028}\0\u{7f}";
        for format in [Format::Text, Format::Raw, Format::Hex] {
            let shown = String::from_utf8(written(&view(format, true), MessageRef::Text(dangerous), at(0))).unwrap();
            let acting = shown.trim_end().chars().find(|c| (c.is_control() && *c != '\n') || !c.is_ascii());
            assert_eq!(acting, None, "{shown}");
        }
    }

    #[test]
    fn letters_of_all_languages_are_shown_as_they_are() {
        let text = "grüße, 世界, e\u{301}, 🦍, \"quoted\" \\";
        check(&view(Format::Text, true), MessageRef::Text(text), &format!("< {text}\n"));
    }

    #[test]
    fn further_lines_are_indented_so_that_none_feigns_a_message() {
        check(&view(Format::Text, true), MessageRef::Text("a\n< b\n> c"), "< a\n  < b\n  > c\n");
    }

    #[test]
    fn json_is_laid_out_as_it_was_written() {
        let json = r#" {"b":[1,1.50,12345678901234567890123],"a":{},"c":[ ],"s":"x\"{,:}","t":true,"n":null} "#;
        let expected = "< {\n    \"b\": [\n      1,\n      1.50,\n      12345678901234567890123\n    ],\n    \"a\": {},\n    \
                        \"c\": [],\n    \"s\": \"x\\\"{,:}\",\n    \"t\": true,\n    \"n\": null\n  }\n";
        check(&view(Format::Text, true), MessageRef::Text(json), expected);
    }

    #[test]
    fn what_is_no_json_is_left_alone() {
        for text in ["{a}", "[1,", "12", "\"text\"", "true", ""] {
            check(&view(Format::Text, true), MessageRef::Text(text), &format!("< {text}\n"));
        }
        let off = View { lays_out_json: false, ..view(Format::Text, true) };
        check(&off, MessageRef::Text("[1,2]"), "< [1,2]\n");
    }

    #[test]
    fn json_cannot_bring_control_characters_in() {
        check(&view(Format::Text, true), MessageRef::Text("[\"\u{9b}\"]"), "< [\n    \"\\u009b\"\n  ]\n");
    }

    #[test]
    fn bytes_are_shown_in_rows() {
        let expected = "< binary, 18 bytes\n  \
                        00000000  61 62 63 64 65 66 67 68  69 6a 6b 6c 6d 6e 6f 00  abcdefghijklmno.\n  \
                        00000010  1b ff                                             ..\n";
        check(&view(Format::Text, true), MessageRef::Binary(b"abcdefghijklmno\0\x1b\xff"), expected);
        let many =
            String::from_utf8(written(&view(Format::Text, true), MessageRef::Binary(&[0; 1000]), at(0))).unwrap();
        assert!(many.ends_with("… 744 bytes more\n"), "{many}");
    }

    #[test]
    fn colours_end_where_they_belong() {
        let view = View { has_colours: true, ..view(Format::Text, true) };
        for message in [MessageRef::Text("hi\x07"), MessageRef::Text("[1]"), MessageRef::Binary(b"x")] {
            let shown = String::from_utf8(written(&view, message, at(0))).unwrap();
            assert!(shown.starts_with("\x1b[36m< \x1b[0m"), "{shown:?}");
            assert_eq!(shown.matches("\x1b[").count(), 2 * shown.matches("\x1b[0m").count(), "{shown:?}");
        }
    }

    #[test]
    fn json_has_colours_for_keys_strings_numbers_and_words() {
        let view = View { has_colours: true, ..view(Format::Text, true) };
        let expected = "\x1b[36m< \x1b[0m{\n    \x1b[34m\"k\"\x1b[0m: [\n      \x1b[32m\"s\"\x1b[0m,\n      \
                        \x1b[33m-1.5e3\x1b[0m,\n      \x1b[35mtrue\x1b[0m,\n      \x1b[35mnull\x1b[0m\n    ]\n  }\n";
        check(&view, MessageRef::Text(r#"{"k":["s",-1.5e3,true,null]}"#), expected);
    }

    #[test]
    fn hostile_json_brings_in_no_colour_of_its_own() {
        let view = View { has_colours: true, ..view(Format::Text, true) };
        for json in [
            "{\"\u{9b}31mk\":\"\u{9d}0;title\u{9c}\u{202e}\u{7f}\",\"\\u001b[2J\":\"\\u009b\"}",
            "[\"\x1b[31m\"]",
            "[1,\x1b[2J2]",
            "{\"a\":\"\u{2028}\u{feff}\u{3164}\u{e0041}\"}\u{9b}",
        ] {
            let shown = String::from_utf8(written(&view, MessageRef::Text(json), at(0))).unwrap();
            let mut rest = shown.as_str();
            while let Some((_, after)) = rest.split_once('\x1b') {
                let ours = ["[36m", "[34m", "[32m", "[33m", "[35m", "[2m", "[0m"];
                assert!(ours.iter().any(|sequence| after.starts_with(sequence)), "{shown:?}");
                rest = after;
            }
            let acting = shown.chars().find(|c| c.is_control() && !['\x1b', '\n'].contains(c) || !c.is_ascii());
            assert_eq!(acting, None, "{shown:?}");
        }
    }

    #[test]
    fn times_are_of_the_day() {
        let view = View { has_timestamps: true, ..view(Format::Text, true) };
        let shown = String::from_utf8(written(&view, MessageRef::Text("hi"), at(1_709_210_096_007))).unwrap();
        assert_eq!(shown, "12:34:56.007Z < hi\n");
    }
}

#[test]
fn dates_are_right_around_leap_days() {
    for (seconds, date) in [
        (0, "1970-01-01"),
        (951_782_400, "2000-02-29"),
        (951_868_800, "2000-03-01"),
        (1_709_164_800, "2024-02-29"),
        (1_735_689_599, "2024-12-31"),
        (4_107_542_400, "2100-03-01"),
    ] {
        assert_eq!(utc::full(at(seconds * 1000))[..10], *date);
    }
}

/// Messages that would take many times their size where they are written, or flood a screen.
mod bombs {
    use super::*;

    fn bombs() -> Vec<Message> {
        let len = 600_000;
        let nested = |depth: usize, inside: &str| format!("{}{inside}{}", "[".repeat(depth), "]".repeat(depth));
        vec![
            nested(120, &vec!["1"; len / 2].join(",")).into(),
            nested(len, "").into(),
            nested(1, &"9".repeat(len)).into(),
            nested(1, "1e999999").into(),
            nested(1, &format!("\"{}\"", "\u{9b}".repeat(len / 2))).into(),
            format!("{{\"{}\":{}}}", "k".repeat(len), "[]").into(),
            nested(1, &" ".repeat(len)).into(),
            "\0".repeat(len).into(),
            "\n".repeat(len).into(),
            "x".repeat(len).into(),
            "\u{e0041}".repeat(len / 4).into(),
            Message::binary(vec![0; len]),
        ]
    }

    #[test]
    fn a_person_sees_what_a_person_can_read() {
        for message in bombs() {
            for (format, has_colours) in [(Format::Text, true), (Format::Text, false), (Format::Hex, false)] {
                let view = View { has_colours, ..view(format, true) };
                let shown: usize = view.message(message.clone(), at(0)).map(|piece| piece.len()).sum();
                assert!(shown < 4 * 1024 * 1024, "{shown} bytes for {:?}", message.kind());
            }
        }
    }

    #[test]
    fn what_is_not_shown_is_told() {
        let long = written(&view(Format::Text, true), MessageRef::Text(&"x".repeat(1_000_000)), at(0));
        let expected = format!("< {}\n  … 737856 bytes more; in a pipe, messages are whole\n", "x".repeat(262_144));
        assert_eq!(String::from_utf8(long).unwrap(), expected);
        for json in [format!("[{}]", vec!["1"; 300_000].join(", ")), format!("[\"{}\"]", "é".repeat(300_000))] {
            let shown = String::from_utf8(written(&view(Format::Text, true), MessageRef::Text(&json), at(0))).unwrap();
            let (start, end) = shown.rsplit_once("\n  … ").unwrap();
            let left: usize = end.split(' ').next().unwrap().parse().unwrap();
            let start: String = start[2..].split_whitespace().collect();
            let rest: String = json[json.len() - left..].split_whitespace().collect();
            assert_eq!(start + &rest, json.split_whitespace().collect::<String>());
        }
    }

    #[test]
    fn values_that_are_deep_or_large_are_json_too() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        let shown = String::from_utf8(written(&view(Format::Text, true), MessageRef::Text(&deep), at(0))).unwrap();
        assert_eq!(shown.lines().count(), 1999, "{shown}");
        check(&view(Format::Text, true), MessageRef::Text("[1e999]"), "< [\n    1e999\n  ]\n");
    }

    #[test]
    fn a_pipe_gets_whole_messages_in_small_pieces() {
        for message in bombs() {
            for format in [Format::Text, Format::Json, Format::Hex, Format::Raw] {
                let mut pieces = view(format, false).message(message.clone(), at(0));
                let mut all = Vec::new();
                while let Some(len) = pieces.next_len() {
                    let piece = pieces.next().unwrap();
                    assert_eq!(piece.len(), len);
                    assert!(len < 200 * 1024, "{len}");
                    all.extend(piece);
                }
                assert_eq!(pieces.next(), None);
                check_whole(format, &message, &all);
            }
        }
    }

    #[track_caller]
    fn check_whole(format: Format, message: &Message, written: &[u8]) {
        match format {
            Format::Raw => assert!(written == message.as_bytes()),
            Format::Hex => assert!(written == format!("{}\n", HEXLOWER.encode(message.as_bytes())).as_bytes()),
            Format::Text => match message.as_text() {
                Some(text) => assert!(written == format!("{text}\n").as_bytes()),
                None => assert!(written == format!("base64:{}\n", BASE64.encode(message.as_bytes())).as_bytes()),
            },
            Format::Json => {
                let object: serde_json::Value = serde_json::from_slice(written).unwrap();
                match message.as_text() {
                    Some(text) => assert!(object["data"] == text),
                    None => assert!(object["base64"] == BASE64.encode(message.as_bytes())),
                }
            }
        }
    }

    #[test]
    fn json_above_a_prompt_is_one_piece_that_says_what_it_lacks() {
        let view = View { has_prompt: true, ..view(Format::Json, true) };
        for (len, is_cut) in [(1_048_576, false), (1_048_578, true), (3_000_000, true)] {
            for message in [Message::text("é".repeat(len / 2)), Message::binary(vec![7; len])] {
                let pieces: Vec<_> = view.message(message.clone(), at(0)).collect();
                assert_eq!(pieces.len(), 1);
                let object: serde_json::Value = serde_json::from_slice(&pieces[0]).unwrap();
                assert_eq!(object["size"], len);
                assert_eq!(object["truncated"] == true, is_cut, "{len}");
                let shown = match message.as_text() {
                    Some(_) => object["data"].as_str().unwrap().len(),
                    None => BASE64.decode(object["base64"].as_str().unwrap().as_bytes()).unwrap().len(),
                };
                assert!(shown <= 1_048_576 && (shown == len || shown > 1_048_570), "{shown}");
            }
        }
    }
}
