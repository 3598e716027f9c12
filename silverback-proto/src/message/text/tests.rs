#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use super::*;

#[test]
fn only_utf_8_becomes_text() {
    let (valid, invalid) = (b"gr\xC3\xBC\xC3\x9Fe", b"gr\xC3");
    for text in [
        Text::try_from(valid),
        Text::try_from(&valid[..]),
        Text::try_from(valid.to_vec()),
        Text::try_from(Bytes::from_static(valid)),
        Text::try_from(BytesMut::from(&valid[..])),
    ] {
        assert_eq!(text.unwrap(), "grüße");
    }
    for error in [
        Text::try_from(invalid),
        Text::try_from(&invalid[..]),
        Text::try_from(invalid.to_vec()),
        Text::try_from(Bytes::from_static(invalid)),
        Text::try_from(BytesMut::from(&invalid[..])),
    ] {
        assert_eq!(error, Err(ProtocolError::InvalidUtf8));
    }
}

#[test]
fn every_kind_of_string_becomes_text() {
    let string = "hello".to_owned();
    for text in [
        Text::from("hello"),
        Text::from(&string),
        Text::from(string.clone()),
        Text::from(string.clone().into_boxed_str()),
        Text::from(Cow::Borrowed("hello")),
        Text::from(Cow::Owned(string.clone())),
    ] {
        assert_eq!(text, "hello");
    }
    assert_eq!(String::from(Text::from("hello")), string);
}

#[test]
fn text_compares_with_strings_in_both_directions() {
    let (text, string) = (Text::from("two\nlines"), "two\nlines".to_owned());
    assert_eq!(text, *"two\nlines");
    assert_ne!(text, "two");
    assert_eq!(text, string.as_str());
    assert_eq!(text, string);
    assert_eq!(text, Cow::Borrowed("two\nlines"));
    assert_eq!(*string, text);
    assert_eq!(string.as_str(), text);
    assert_eq!(string, text);
    assert_eq!(Cow::Borrowed("two\nlines"), text);
}

#[test]
fn text_is_shown_as_a_string_is() {
    let text = Text::from("two\nlines");
    assert_eq!((text.to_string().as_str(), format!("{text:?}").as_str()), ("two\nlines", "\"two\\nlines\""));
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn text_is_a_reference_to_its_string_and_its_bytes() {
    let text = Text::from("hello");
    let (string, slice, bytes): (&str, &[u8], &Bytes) = (text.as_ref(), text.as_ref(), text.as_ref());
    assert_eq!((text.as_str(), string, slice), ("hello", "hello", &b"hello"[..]));
    assert_eq!(bytes, "hello");
}

#[test]
fn a_set_of_texts_can_be_searched_by_a_string() {
    let set = HashSet::from([Text::from("a")]);
    assert!(set.contains("a") && !set.contains("b"));
}

#[test]
fn text_and_its_bytes_share_memory() {
    let text = Text::from("hello".to_owned());
    let address = text.as_ptr();
    assert_eq!(text.to_bytes().as_ptr(), address);
    let bytes = Bytes::from(text.clone());
    assert_eq!(bytes.as_ptr(), address);
    assert_eq!(Text::try_from(bytes).unwrap().as_ptr(), address);
    assert_eq!(text.into_bytes().as_ptr(), address);
    let vec = b"hello".to_vec();
    let address = vec.as_ptr();
    assert_eq!(Text::try_from(vec).unwrap().as_ptr(), address);
}
