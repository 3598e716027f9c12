//! Cutting input into messages.
#![allow(clippy::unwrap_used)]

use super::*;

fn cut(from: impl Read, cutting: Cutting) -> (Vec<Message>, Option<Error>) {
    let (mut messages, mut last) = (Vec::new(), None);
    read(from, &cutting, |input| {
        match input {
            Input::Message(message) => messages.push(message),
            other => last = Some(other),
        }
        true
    });
    match last {
        Some(Input::End) => (messages, None),
        Some(Input::Failed(error)) => (messages, Some(error)),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check(from: &[u8], cutting: Cutting, expected: &[Message]) {
    assert_eq!(cut(from, cutting), (expected.to_vec(), None));
}

const TEXT: Cutting = Cutting::Lines { are_binary: false };

#[test]
fn a_line_is_a_message_without_its_end() {
    check(b"a\n\n b \r\nc", TEXT, &["a".into(), "".into(), " b \r".into(), "c".into()]);
    check(b"", TEXT, &[]);
    check(b"a\xff\n", Cutting::Lines { are_binary: true }, &[Message::binary(&b"a\xff"[..])]);
}

#[test]
fn a_line_may_be_longer_than_any_buffer() {
    let long = "x".repeat(3 * READ_SIZE + 1);
    check(format!("{long}\nb").as_bytes(), TEXT, &[long.as_str().into(), "b".into()]);
}

#[test]
fn what_is_no_text_is_told_by_its_line_after_what_was() {
    let (messages, error) = cut(&b"a\n\xff\nb\n"[..], TEXT);
    assert_eq!(messages, ["a".into()]);
    let error = error.unwrap();
    assert_eq!(error.code(), 2);
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn hex_is_decoded() {
    check(b"00ff\n61 62\n\n", Cutting::Hex, &[&b"\0\xff"[..], b"ab", b""].map(Message::binary));
    assert_eq!(cut(&b"0\n"[..], Cutting::Hex).1.unwrap().code(), 2);
    assert_eq!(cut(&b"\xff\n"[..], Cutting::Hex).1.unwrap().code(), 2);
}

#[test]
fn all_of_it_can_be_one_message() {
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    check(&bytes, Cutting::Whole, &[Message::binary(bytes.clone())]);
    check(b"", Cutting::Whole, &[]);
}

#[test]
fn chunks_have_at_most_their_size_and_nothing_is_lost() {
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for size in [1_000, READ_SIZE, 100_000, 1 << 30] {
        let (messages, error) = cut(&bytes[..], Cutting::Chunks(size));
        assert_eq!(error, None);
        assert!(messages.iter().all(|message| message.len() <= size && !message.is_empty()));
        assert_eq!(messages.iter().flat_map(|message| message.as_bytes()).copied().collect::<Vec<_>>(), bytes);
    }
}

#[test]
fn a_chunk_does_not_wait_for_more() {
    let pieces = b"ab".chain(&b"c"[..]);
    let (messages, _) = cut(pieces, Cutting::Chunks(1_000));
    assert_eq!(messages, [&b"ab"[..], b"c"].map(Message::binary));
}

#[test]
fn reading_ends_when_nobody_wants_more() {
    let mut count = 0;
    read(&b"a\nb\nc\n"[..], &TEXT, |_| {
        count += 1;
        false
    });
    assert_eq!(count, 2, "one message, and an end without a receiver");
}
