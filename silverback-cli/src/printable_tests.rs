//! Which characters reach a terminal as they are.
#![allow(clippy::unwrap_used)]

use super::*;

/// The categories Cc, Cf, Zl and Zp of Unicode 16, and the blank letters.
fn invisible() -> impl Iterator<Item = char> {
    let ranges = [
        ('\0', '\u{1f}'),
        ('\u{7f}', '\u{9f}'),
        ('\u{ad}', '\u{ad}'),
        ('\u{600}', '\u{605}'),
        ('\u{61c}', '\u{61c}'),
        ('\u{6dd}', '\u{6dd}'),
        ('\u{70f}', '\u{70f}'),
        ('\u{890}', '\u{891}'),
        ('\u{8e2}', '\u{8e2}'),
        ('\u{180e}', '\u{180e}'),
        ('\u{200b}', '\u{200f}'),
        ('\u{2028}', '\u{202e}'),
        ('\u{2060}', '\u{2064}'),
        ('\u{2066}', '\u{206f}'),
        ('\u{feff}', '\u{feff}'),
        ('\u{fff9}', '\u{fffb}'),
        ('\u{110bd}', '\u{110bd}'),
        ('\u{110cd}', '\u{110cd}'),
        ('\u{13430}', '\u{1343f}'),
        ('\u{1bca0}', '\u{1bca3}'),
        ('\u{1d173}', '\u{1d17a}'),
        ('\u{e0001}', '\u{e0001}'),
        ('\u{e0020}', '\u{e007f}'),
        ('\u{115f}', '\u{1160}'),
        ('\u{3164}', '\u{3164}'),
        ('\u{ffa0}', '\u{ffa0}'),
    ];
    ranges.into_iter().flat_map(|(first, last)| first..=last)
}

#[test]
fn invisible_characters_are_escaped() {
    for c in invisible() {
        for text in [c.to_string(), format!("a{c}b")] {
            let shown = printable(&text);
            assert!(shown.is_ascii() && shown.contains('\\'), "{c:?}: {shown}");
            assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{c:?}: {shown:?}");
        }
    }
}

#[test]
fn json_keeps_its_meaning_without_invisible_characters() {
    for c in invisible() {
        let value = serde_json::json!({ "key": format!("a{c}b"), c.to_string(): 1 });
        for json in [value.to_string(), format!("{value:#}\n")] {
            let shown = printable_json(json);
            assert!(shown.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{c:?}: {shown:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
    assert_eq!(printable_json("\"\u{7f}\u{9b}\u{e0001}\"".to_owned()), r#""\u007f\u009b\udb40\udc01""#);
}

#[test]
fn letters_marks_and_pictures_stay() {
    let text = "grüße, 世界, e\u{301}, עברית, ไทย, 👍🏽, ❤\u{fe0f}, it's \"quoted\" \\";
    assert_eq!(printable(text), text);
    assert_eq!(printable_json(text.to_owned()), text);
}

#[test]
fn every_character_is_treated_as_the_exact_rule_says() {
    for c in '\u{a0}'..=char::MAX {
        let is_escaped = !format!("x{c}").escape_debug().skip(1).eq([c]);
        assert_eq!(is_visible(c), !is_escaped && !BLANK.contains(&c), "{c:?}");
    }
}

#[test]
fn line_breaks_stay_where_they_belong() {
    assert_eq!(printable("a\r\nb\tc\0"), r"a\r\nb\tc\0");
    assert_eq!(printable_lines("a\r\nb\u{2028}"), "a\\r\nb\\u{2028}");
}
