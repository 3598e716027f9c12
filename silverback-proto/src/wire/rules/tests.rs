//! RFC 6455, 5.1 to 5.5: each rule about one frame, in each direction.

#![allow(clippy::unwrap_used)]

use silverback_testkit::wire::{Frame, LengthForm, binary, close_empty, continuation, frame, ping, pong, text};

use super::*;
use crate::{connection::config::Config, wire::close_code::CloseCode};

/// Validates a frame that `receiver` gets. It is masked if its sender is a client.
struct Case {
    message_is_open: bool,
    rsv1_has_a_meaning: bool,
    limits: Limits,
}

const BETWEEN_MESSAGES: Case = Case {
    message_is_open: false,
    rsv1_has_a_meaning: false,
    limits: Limits { message: 1000, frame: 1000, fragments: 9 },
};
const INSIDE_A_MESSAGE: Case = Case { message_is_open: true, ..BETWEEN_MESSAGES };
const COMPRESSED: Case = Case { rsv1_has_a_meaning: true, ..BETWEEN_MESSAGES };
const INSIDE_A_COMPRESSED_MESSAGE: Case = Case { message_is_open: true, ..COMPRESSED };

impl Case {
    fn judge(&self, frame: &Frame, sender: Role) -> Result<(), ConnectionError> {
        let header = FrameHeader::decode(&frame.encode()).unwrap();
        let Self { message_is_open, rsv1_has_a_meaning, limits } = *self;
        check(&header, &Expected { sender, message_is_open, rsv1_has_a_meaning, limits })
    }

    #[track_caller]
    fn allows(&self, frame: Frame) {
        assert_eq!(self.judge(&frame.clone().masked([1, 2, 3, 4]), Role::Client), Ok(()), "{frame:?} from a client");
        assert_eq!(self.judge(&frame, Role::Server), Ok(()), "{frame:?} from a server");
    }

    #[track_caller]
    fn refuses(&self, frame: Frame, error: impl Into<ConnectionError>) {
        let error = Err(error.into());
        assert_eq!(self.judge(&frame.clone().masked([1, 2, 3, 4]), Role::Client), error, "{frame:?} from a client");
        assert_eq!(self.judge(&frame, Role::Server), error, "{frame:?} from a server");
    }
}

mod masking {
    use super::*;

    #[test]
    fn a_client_must_mask_every_frame() {
        let error = ProtocolError::WrongMasking { sender: Role::Client };
        for frame in [text("a"), text(""), binary(""), ping(""), pong("a"), close_empty()] {
            assert_eq!(BETWEEN_MESSAGES.judge(&frame, Role::Client), Err(error.into()), "{frame:?}");
        }
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }

    #[test]
    fn a_server_must_not_mask_frames() {
        let error = ProtocolError::WrongMasking { sender: Role::Server };
        for frame in [text("a"), text(""), binary(""), ping(""), pong("a"), close_empty()] {
            let masked = frame.masked([0; 4]);
            assert_eq!(BETWEEN_MESSAGES.judge(&masked, Role::Server), Err(error.into()), "{masked:?}");
        }
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }
}

mod reserved_bits_and_opcodes {
    use super::*;

    #[test]
    fn no_reserved_bit_is_allowed_without_an_extension() {
        for frame in [text("a"), binary("a"), ping("a"), close_empty()] {
            BETWEEN_MESSAGES.refuses(frame.clone().rsv1(), ProtocolError::ReservedBits);
            BETWEEN_MESSAGES.refuses(frame.clone().rsv2(), ProtocolError::ReservedBits);
            BETWEEN_MESSAGES.refuses(frame.rsv3(), ProtocolError::ReservedBits);
        }
    }

    #[test]
    fn rsv1_marks_the_first_frame_of_a_compressed_message_only() {
        COMPRESSED.allows(text("a").rsv1());
        COMPRESSED.allows(text("a"));
        COMPRESSED.allows(binary("a").rsv1().not_final());
        INSIDE_A_COMPRESSED_MESSAGE.allows(continuation("a"));
        INSIDE_A_COMPRESSED_MESSAGE.refuses(continuation("a").rsv1(), ProtocolError::ReservedBits);
        for control in [ping("a"), pong("a"), close_empty()] {
            COMPRESSED.refuses(control.rsv1(), ProtocolError::ReservedBits);
        }
    }

    #[test]
    fn compression_gives_rsv2_and_rsv3_no_meaning() {
        COMPRESSED.refuses(text("a").rsv1().rsv2(), ProtocolError::ReservedBits);
        COMPRESSED.refuses(text("a").rsv3(), ProtocolError::ReservedBits);
    }

    #[test]
    fn reserved_opcodes_mean_nothing() {
        for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF] {
            let error = ProtocolError::ReservedOpcode(Opcode::from_bits(opcode));
            BETWEEN_MESSAGES.refuses(frame(opcode, ""), error);
            INSIDE_A_MESSAGE.refuses(frame(opcode, "a"), error);
            BETWEEN_MESSAGES.refuses(frame(opcode, "a").not_final(), error);
        }
    }
}

mod lengths {
    use super::*;

    #[test]
    fn the_top_bit_of_a_length_is_refused_whatever_the_limits() {
        let unlimited =
            Case { limits: Limits { message: u64::MAX, frame: u64::MAX, fragments: 9 }, ..BETWEEN_MESSAGES };
        for len in [1 << 63, (1 << 63) + 5, u64::MAX] {
            unlimited.refuses(binary("").declared_len(len), ProtocolError::LengthTopBit);
            unlimited.refuses(ping("").declared_len(len), ProtocolError::LengthTopBit);
        }
        unlimited.allows(binary("").declared_len((1 << 63) - 1));
    }

    #[test]
    fn a_length_must_take_its_shortest_form() {
        for (len, form) in [
            (0, LengthForm::U16),
            (125, LengthForm::U16),
            (0, LengthForm::U64),
            (126, LengthForm::U64),
            (65_535, LengthForm::U64),
        ] {
            let overlong = |frame: Frame| frame.length_form(form).declared_len(len);
            let error = ProtocolError::OverlongLength { payload_len: len };
            BETWEEN_MESSAGES.refuses(overlong(binary("")), error);
            BETWEEN_MESSAGES.refuses(overlong(ping("")), error);
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_by_its_header() {
        BETWEEN_MESSAGES.allows(binary("").declared_len(1000));
        BETWEEN_MESSAGES.refuses(binary("").declared_len(1001), LimitError::Frame { size: 1001, limit: 1000 });
        INSIDE_A_MESSAGE.refuses(continuation("").declared_len(1001), LimitError::Frame { size: 1001, limit: 1000 });
        assert_eq!(LimitError::Frame { size: 1001, limit: 1000 }.close_code(), CloseCode::MESSAGE_TOO_BIG);
    }

    #[test]
    fn the_default_limit_is_16_mib() {
        let by_default = Case { limits: Config::default().limits(), ..BETWEEN_MESSAGES };
        let limit = 16 * 1024 * 1024;
        by_default.allows(binary("").declared_len(limit));
        by_default.refuses(binary("").declared_len(limit + 1), LimitError::Frame { size: limit + 1, limit });
    }

    #[test]
    fn the_limit_on_frames_is_not_for_control_frames() {
        let tiny = Case { limits: Limits { message: 1, frame: 1, fragments: 1 }, ..BETWEEN_MESSAGES };
        tiny.allows(ping([0; 125]));
    }
}

mod control_frames {
    use super::*;

    #[test]
    fn control_frames_hold_up_to_125_bytes() {
        for opcode in [0x8, 0x9, 0xA] {
            BETWEEN_MESSAGES.allows(frame(opcode, [0; 125]));
            let error = ProtocolError::LongControl { opcode: Opcode::from_bits(opcode), payload_len: 126 };
            BETWEEN_MESSAGES.refuses(frame(opcode, [0; 126]), error);
        }
    }

    #[test]
    fn control_frames_are_never_fragmented() {
        for opcode in [0x8, 0x9, 0xA] {
            let error = ProtocolError::FragmentedControl(Opcode::from_bits(opcode));
            BETWEEN_MESSAGES.refuses(frame(opcode, "").not_final(), error);
            INSIDE_A_MESSAGE.refuses(frame(opcode, "").not_final(), error);
        }
    }

    #[test]
    fn control_frames_may_stand_inside_a_message() {
        for control in [ping("a"), pong(""), close_empty()] {
            INSIDE_A_MESSAGE.allows(control);
        }
    }
}

mod fragmentation {
    use super::*;

    #[test]
    fn a_continuation_needs_an_open_message() {
        INSIDE_A_MESSAGE.allows(continuation("a"));
        INSIDE_A_MESSAGE.allows(continuation("").not_final());
        BETWEEN_MESSAGES.refuses(continuation("a"), ProtocolError::UnexpectedContinuation);
        BETWEEN_MESSAGES.refuses(continuation("").not_final(), ProtocolError::UnexpectedContinuation);
    }

    #[test]
    fn a_new_message_waits_for_the_end_of_the_open_one() {
        for start in [text("a"), text("a").not_final(), binary("")] {
            BETWEEN_MESSAGES.allows(start.clone());
            let error = ProtocolError::InterruptedMessage(Opcode::from_bits(start.opcode));
            INSIDE_A_MESSAGE.refuses(start, error);
        }
    }
}
