//! The label of a message.

use super::*;

#[test]
fn a_label_says_whose_message_it_is_and_which() {
    for (sender, number) in [(0, 0), (3, 17), (MAX_SENDERS, 0xFFFF_FFFF_FFFF)] {
        let label = label(sender, number);
        assert_eq!(label.len(), LABEL);
        assert_eq!(parse_label(format!("{label}and more").as_bytes()), Some((sender, number)));
    }
}

#[test]
fn anything_else_is_no_label() {
    for text in ["", "short", "welcome to the chat, whoever you are", "00000000000000é0"] {
        assert_eq!(parse_label(text.as_bytes()), None, "{text}");
    }
}
