use std::{error::Error as _, time::Duration};

use super::*;
use crate::deflate::inflater::InflateError;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_error_shows_the_text_of_its_cause() {
    let causes: [(ConnectionError, &str); 7] = [
        (ProtocolError::LengthTopBit.into(), "the top bit of a 64-bit length is set"),
        (LimitError::Fragments { limit: 2 }.into(), "a message has more than 2 fragments"),
        (LimitError::InflateRatio { limit: 256 }.into(), "a compressed message grows to more than 256 times its size"),
        (LimitError::FinalBlocks { limit: 3 }.into(), "a compressed message has more than 3 final blocks"),
        (ConnectionError::Timeout(Timeout::Pong(SECOND)), "no byte came within 1s of a keepalive ping"),
        (ConnectionError::Timeout(Timeout::Close(SECOND)), "the peer did not finish the closing handshake within 1s"),
        (ConnectionError::Timeout(Timeout::WriteStall(SECOND)), "the peer took no output for 1s"),
    ];
    for (error, words) in causes {
        assert_eq!(error.to_string(), words);
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some(words));
    }
    assert_eq!(ConnectionError::Lost.to_string(), "the connection ended without a closing handshake");
    assert!(ConnectionError::Lost.source().is_none());
}

#[test]
fn only_a_peer_that_still_listens_is_told() {
    let told: [(ConnectionError, Option<CloseCode>); 10] = [
        (ProtocolError::ReservedBits.into(), Some(CloseCode::PROTOCOL_ERROR)),
        (ProtocolError::InvalidUtf8.into(), Some(CloseCode::INVALID_PAYLOAD)),
        (ProtocolError::InvalidDeflate.into(), Some(CloseCode::INVALID_PAYLOAD)),
        (LimitError::Frame { size: 2, limit: 1 }.into(), Some(CloseCode::MESSAGE_TOO_BIG)),
        (LimitError::Message { size: 2, limit: 1 }.into(), Some(CloseCode::MESSAGE_TOO_BIG)),
        (LimitError::InflateRatio { limit: 1 }.into(), Some(CloseCode::MESSAGE_TOO_BIG)),
        (LimitError::FinalBlocks { limit: 1 }.into(), Some(CloseCode::POLICY_VIOLATION)),
        (LimitError::Fragments { limit: 1 }.into(), Some(CloseCode::POLICY_VIOLATION)),
        (ConnectionError::Timeout(Timeout::Pong(SECOND)), None),
        (ConnectionError::Lost, None),
    ];
    for (error, code) in told {
        assert_eq!(error.close_code(), code, "{error}");
    }
}

#[test]
fn inflating_fails_as_the_rule_or_the_limit_that_was_broken() {
    assert_eq!(ConnectionError::from(InflateError::Invalid), ProtocolError::InvalidDeflate.into());
    let ratio = ConnectionError::from(InflateError::Ratio { limit: 9 });
    assert_eq!(ratio, LimitError::InflateRatio { limit: 9 }.into());
    let final_blocks = ConnectionError::from(InflateError::FinalBlocks { limit: 9 });
    assert_eq!(final_blocks, LimitError::FinalBlocks { limit: 9 }.into());
}

#[test]
fn a_command_that_fails_names_the_reason() {
    let refusals = [
        (SendError::Closing, "the connection is closing: nothing more can be sent"),
        (SendError::MessageOpen, "another message is still being streamed"),
        (SendError::NoMessageOpen, "no message is being streamed"),
        (SendError::LongControl { size: 126 }, "a ping or pong of 126 bytes: control frames hold at most 125"),
        (SendError::InvalidUtf8, "the text that is being streamed is not UTF-8"),
    ];
    for (error, words) in refusals {
        assert_eq!(error.to_string(), words);
    }
}
