//! RFC 9114, 8 and RFC 9204, 6: codes and words.

use std::error::Error as _;

use crate::h3::{
    error::{Error, FieldSectionFault, LimitError, Place, SettingsFault},
    error_code::ErrorCode,
    frame::FrameType,
    message_fault::MessageFault,
    stream_type::StreamType,
};

#[test]
fn an_error_says_what_was_wrong() {
    let errors: [(Error, &str); 25] = [
        (
            Error::UnexpectedFrame { frame: FrameType::GOAWAY, place: Place::RequestStream },
            "a frame of type GOAWAY is not allowed on a request stream",
        ),
        (
            Error::UnexpectedFrame { frame: FrameType::new(0x6), place: Place::Http3 },
            "a frame of type 0x6 is not allowed in HTTP/3, only in HTTP/2",
        ),
        (
            Error::MissingSettings { first: FrameType::new(0x21) },
            "the control stream begins with a frame of type 0x21 instead of SETTINGS",
        ),
        (
            Error::MalformedFrame(FrameType::CANCEL_PUSH),
            "the length of a frame of type CANCEL_PUSH does not fit its content",
        ),
        (Error::TruncatedFrame, "the stream ended inside a frame"),
        (
            Error::InvalidId { frame: FrameType::MAX_PUSH_ID, id: 3 },
            "the identifier 3 is not valid in this MAX_PUSH_ID frame",
        ),
        (Error::UninvitedPush, "a server push was not allowed, so nothing can refer to one"),
        (Error::PushStreamFromClient, "a client must not open a push stream"),
        (Error::DuplicateStream(StreamType::QPACK_DECODER), "a second QPACK decoder stream"),
        (Error::ClosedCriticalStream(StreamType::CONTROL), "the control stream ended before the connection"),
        (SettingsFault::Duplicate(0x33).into(), "the setting 0x33 comes twice"),
        (SettingsFault::NotABoolean { identifier: 8, value: 7 }.into(), "the setting 0x8 is 7 instead of 0 or 1"),
        (
            Error::EncoderInstruction(0xC0),
            "the QPACK encoder stream must not change a dynamic table without room (0xc0)",
        ),
        (
            LimitError::SettingsFrame { size: 2000, limit: 1024 }.into(),
            "a SETTINGS frame of 2000 bytes is over the limit of 1024",
        ),
        (FieldSectionFault::Truncated.into(), "a field section ends inside a field"),
        (FieldSectionFault::StaticIndex(99).into(), "a field section refers to the static entry 99 of 0 to 98"),
        (FieldSectionFault::DynamicTable.into(), "a field section refers to a dynamic table without room"),
        (FieldSectionFault::NegativeBase.into(), "the base of a field section is negative"),
        (
            LimitError::FieldSection { size: 20_000, limit: 16_384 }.into(),
            "a field section of 20000 bytes or more is over the limit of 16384",
        ),
        (
            LimitError::EncodedFieldSection { size: 20_000, limit: 16_384 }.into(),
            "a HEADERS frame of 20000 bytes is over the limit of 16384",
        ),
        (LimitError::InterimResponses { limit: 10 }.into(), "more than 10 interim responses"),
        (Error::IncompleteRequest, "the stream ended before the request"),
        (MessageFault::NoResponse.into(), "the stream ended before the response"),
        (
            MessageFault::ContentLengthDiffers { declared: 5 }.into(),
            "the content does not have the 5 bytes that Content-Length declares",
        ),
        (LimitError::Fields { limit: 200 }.into(), "a field section has more than 200 fields"),
    ];
    for (error, words) in errors {
        assert_eq!(error.to_string(), words);
        if let Some(source) = error.source() {
            assert_eq!(source.to_string(), words);
        }
    }
}

#[test]
fn a_code_shows_its_name_and_an_unknown_one_its_number() {
    for (code, text) in [
        (0x100, "H3_NO_ERROR"),
        (0x10C, "H3_REQUEST_CANCELLED"),
        (0x110, "H3_VERSION_FALLBACK"),
        (0x202, "QPACK_DECODER_STREAM_ERROR"),
        (0x21, "0x21"),
    ] {
        assert_eq!(ErrorCode::new(code).to_string(), text);
        assert_eq!(ErrorCode::new(code).value(), code);
    }
}
