//! The part of a message that reaches the terminal.

use silverback::Message;

use super::*;

fn shown(message: impl Into<Message>) -> String {
    Excerpt::of(message.into().as_ref()).to_string()
}

#[test]
fn ordinary_text_is_shown_as_it_is() {
    for text in ["hello", "it's \"quoted\"", "''", "grüße, 日本語, עברית, ไทย", "👍🏽", "a\u{301}", ""]
    {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn nothing_that_a_terminal_acts_on_is_shown() {
    for (text, expected) in [
        ("\u{1b}[2J", r"\u{1b}[2J"),
        ("\u{9b}31m", r"\u{9b}31m"),
        ("a\r\nb\tc\u{8}\u{7f}\0", r"a\r\nb\tc\u{8}\u{7f}\0"),
        ("\u{202e}evil\u{2066}", r"\u{202e}evil\u{2066}"),
        ("\u{2028}\u{2029}\u{85}", r"\u{2028}\u{2029}\u{85}"),
        ("\u{feff}\u{200b}\u{e000}", r"\u{feff}\u{200b}\u{e000}"),
        ("\"\u{1b}'\u{1b}", r#""\u{1b}'\u{1b}"#),
    ] {
        assert_eq!(shown(text), expected);
    }
}

#[test]
fn every_control_character_is_escaped() {
    let controls: String = (0..=0x9f).filter_map(char::from_u32).filter(|c| c.is_control()).collect();
    let line = shown(controls.as_str());
    assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
}

#[test]
fn an_escape_cannot_be_feigned() {
    assert_eq!(shown(r"\n"), r"\\n");
}

#[test]
fn long_text_is_cut_at_a_character_and_its_length_told() {
    let text = "é".repeat(1000);
    let line = shown(text.as_str());
    assert_eq!(line, format!("{}… (2000 bytes)", "é".repeat(200)));
    assert_eq!(shown("é".repeat(200).as_str()), "é".repeat(200));
}

#[test]
fn a_line_is_bounded_whatever_it_shows() {
    let longest = shown("\u{10ffff}".repeat(300_000).as_str());
    assert!(longest.len() < 3000, "{}", longest.len());
}

#[test]
fn binary_is_shown_in_hex_with_its_length() {
    assert_eq!(shown(vec![]), "(0 binary bytes)");
    assert_eq!(shown(vec![0x1b, 0x5b, 0xff]), "(3 binary bytes) 1b 5b ff");
    assert_eq!(shown(vec![0x2a; 17]), format!("(17 binary bytes){} …", " 2a".repeat(16)));
}
