//! RFC 9114, 5.2, 6.2 and 7.2; RFC 9204, 4.2 to 4.4.

use silverback_testkit::wire::hex;

use super::support::{BOTH, frame, integer, read_uni, read_uni_hex, settings, shortest};
use crate::{
    h3::{
        error::{Error, Place},
        error_code::ErrorCode,
        frame::FrameType,
        limits::Limits,
        peer::Peer,
        stream_type::StreamType,
        uni_stream::UniStream,
    },
    wire::role::Role,
};

#[track_caller]
fn check_fails(sender: Role, wire: &[u8], code: ErrorCode) -> Error {
    let error = read_uni(sender, wire).0.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.ends_connection());
    error
}

/// A control stream: its type, empty SETTINGS, then these frames.
fn control(frames: &[Vec<u8>]) -> Vec<u8> {
    [shortest(0), settings(&[]), frames.concat()].concat()
}

fn id_frame(number: u64, id: u64) -> Vec<u8> {
    frame(number, &shortest(id))
}

mod types {
    use super::*;

    #[test]
    fn an_unknown_stream_is_ignored() {
        for number in [0x4, 0x21, 0x54, (1 << 62) - 1] {
            let wire = [shortest(number), frame(0x2, b"not a frame that is allowed anywhere")].concat();
            assert_eq!(read_uni(Role::Client, &wire).0, Ok(()));
            let (mut stream, mut peer) = (UniStream::new(), Peer::new(Role::Client, Limits::default()));
            stream.handle_input(&wire, &mut peer).unwrap();
            assert_eq!(stream.unknown_type(), Some(StreamType::new(number)));
            assert_eq!(stream.handle_end(), Ok(()));
        }
    }

    #[test]
    fn a_stream_may_end_before_its_type_is_known() {
        let (mut stream, mut peer) = (UniStream::default(), Peer::new(Role::Server, Limits::default()));
        assert_eq!(stream.handle_end(), Ok(()));
        stream.handle_input(&[0x40], &mut peer).unwrap();
        assert_eq!((stream.handle_end(), stream.unknown_type()), (Ok(()), None));
    }

    #[test]
    fn a_client_must_not_open_a_push_stream() {
        let error = check_fails(Role::Client, &hex("01"), ErrorCode::STREAM_CREATION_ERROR);
        assert_eq!(error, Error::PushStreamFromClient);
    }

    #[test]
    fn a_server_must_not_push_without_permission() {
        assert_eq!(check_fails(Role::Server, &hex("01 00"), ErrorCode::ID_ERROR), Error::UninvitedPush);
    }

    #[test]
    fn a_second_critical_stream_is_an_error() {
        for (number, stream_type) in
            [(0, StreamType::CONTROL), (2, StreamType::QPACK_ENCODER), (3, StreamType::QPACK_DECODER)]
        {
            let mut peer = Peer::new(Role::Client, Limits::default());
            UniStream::new().handle_input(&[number], &mut peer).unwrap();
            let error = UniStream::new().handle_input(&[number], &mut peer).unwrap_err();
            assert_eq!(error, Error::DuplicateStream(stream_type));
            assert_eq!(error.code(), ErrorCode::STREAM_CREATION_ERROR);
            assert!(error.ends_connection());
        }
    }

    #[test]
    fn the_end_of_a_critical_stream_is_an_error() {
        for (wire, stream_type) in [
            ("00", StreamType::CONTROL),
            ("00 04 00", StreamType::CONTROL),
            ("02", StreamType::QPACK_ENCODER),
            ("03", StreamType::QPACK_DECODER),
        ] {
            let (mut stream, mut peer) = (UniStream::new(), Peer::new(Role::Server, Limits::default()));
            stream.handle_input(&hex(wire), &mut peer).unwrap();
            let error = stream.handle_end().unwrap_err();
            assert_eq!(error, Error::ClosedCriticalStream(stream_type));
            assert_eq!(error.code(), ErrorCode::CLOSED_CRITICAL_STREAM);
            assert!(error.ends_connection());
        }
    }
}

mod control_stream {
    use super::*;

    #[test]
    fn must_begin_with_settings() {
        for number in [0x0, 0x1, 0x2, 0x3, 0x5, 0x7, 0xD, 0x21, 0xF_0700] {
            let error =
                check_fails(Role::Client, &[shortest(0), frame(number, &[0])].concat(), ErrorCode::MISSING_SETTINGS);
            assert_eq!(error, Error::MissingSettings { first: FrameType::new(number) });
        }
    }

    #[test]
    fn has_settings_only_once() {
        let error = check_fails(Role::Server, &control(&[settings(&[])]), ErrorCode::FRAME_UNEXPECTED);
        assert_eq!(error, Error::UnexpectedFrame { frame: FrameType::SETTINGS, place: Place::AfterSettings });
    }

    #[test]
    fn carries_no_frames_of_requests() {
        for (number, sender) in [0x0, 0x1, 0x5].into_iter().flat_map(|number| BOTH.map(|sender| (number, sender))) {
            let error = check_fails(sender, &control(&[frame(number, &[0])]), ErrorCode::FRAME_UNEXPECTED);
            let frame = FrameType::new(number);
            assert_eq!(error, Error::UnexpectedFrame { frame, place: Place::ControlStream });
        }
    }

    #[test]
    fn carries_no_frames_of_http2() {
        for number in [0x2, 0x6, 0x8, 0x9] {
            let error = check_fails(Role::Client, &control(&[frame(number, &[])]), ErrorCode::FRAME_UNEXPECTED);
            assert_eq!(error, Error::UnexpectedFrame { frame: FrameType::new(number), place: Place::Http3 });
        }
    }

    #[test]
    fn skips_unknown_frames_of_any_length() {
        let wire = control(&[frame(0x21, &[]), frame(0xF_0700, &[1; 300]), frame(0xA, &[2; 5]), id_frame(0x7, 8)]);
        let (outcome, peer) = read_uni(Role::Server, &wire);
        assert_eq!((outcome, peer.goaway()), (Ok(()), Some(8)));
    }

    #[test]
    fn an_unknown_frame_may_declare_any_length() {
        let wire = [control(&[]), shortest(0x21), integer((1 << 62) - 1, 8), vec![0x02; 100]].concat();
        assert_eq!(read_uni(Role::Client, &wire).0, Ok(()));
    }
}

mod goaway {
    use super::*;

    #[test]
    fn of_a_server_names_a_stream_and_may_move_down() {
        let wire = control(&[id_frame(0x7, (1 << 62) - 4), id_frame(0x7, 12), id_frame(0x7, 12), id_frame(0x7, 0)]);
        let (outcome, peer) = read_uni(Role::Server, &wire);
        assert_eq!((outcome, peer.goaway()), (Ok(()), Some(0)));
    }

    #[test]
    fn must_not_move_up() {
        for sender in BOTH {
            let wire = control(&[id_frame(0x7, 8), id_frame(0x7, 12)]);
            let error = check_fails(sender, &wire, ErrorCode::ID_ERROR);
            assert_eq!(error, Error::InvalidId { frame: FrameType::GOAWAY, id: 12 });
            assert_eq!(read_uni(sender, &wire).1.goaway(), Some(8));
        }
    }

    #[test]
    fn of_a_server_must_name_a_bidirectional_stream_of_the_client() {
        for id in [1, 2, 3] {
            let error = check_fails(Role::Server, &control(&[id_frame(0x7, id)]), ErrorCode::ID_ERROR);
            assert_eq!(error, Error::InvalidId { frame: FrameType::GOAWAY, id });
        }
    }

    #[test]
    fn of_a_client_names_a_push() {
        let (outcome, peer) = read_uni(Role::Client, &control(&[id_frame(0x7, 3)]));
        assert_eq!((outcome, peer.goaway()), (Ok(()), Some(3)));
    }
}

mod pushes {
    use super::*;

    #[test]
    fn a_client_may_allow_them_and_raise_the_limit() {
        assert_eq!(read_uni(Role::Client, &control(&[id_frame(0xD, 3), id_frame(0xD, 9)])).0, Ok(()));
    }

    #[test]
    fn a_client_must_not_lower_the_limit() {
        let error = check_fails(Role::Client, &control(&[id_frame(0xD, 9), id_frame(0xD, 3)]), ErrorCode::ID_ERROR);
        assert_eq!(error, Error::InvalidId { frame: FrameType::MAX_PUSH_ID, id: 3 });
    }

    #[test]
    fn a_server_must_not_allow_them() {
        let error = check_fails(Role::Server, &control(&[id_frame(0xD, 3)]), ErrorCode::FRAME_UNEXPECTED);
        assert_eq!(error, Error::UnexpectedFrame { frame: FrameType::MAX_PUSH_ID, place: Place::FromServer });
    }

    #[test]
    fn none_can_be_cancelled() {
        for sender in BOTH {
            let error = check_fails(sender, &control(&[id_frame(0x3, 0)]), ErrorCode::ID_ERROR);
            assert_eq!(error, Error::UninvitedPush);
        }
    }
}

mod lengths {
    use super::*;

    #[test]
    fn a_frame_with_an_identifier_has_nothing_else() {
        for number in [0x3, 0x7, 0xD] {
            for payload in [&b""[..], b"\x40", b"\x00\x00", b"\xC0\0\0\0\0\0\0", b"\x00\0\0\0\0\0\0\0"] {
                let error = check_fails(Role::Client, &control(&[frame(number, payload)]), ErrorCode::FRAME_ERROR);
                assert_eq!(error, Error::MalformedFrame(FrameType::new(number)));
            }
        }
    }

    #[test]
    fn an_impossible_length_is_refused_before_the_payload_comes() {
        let wire = [control(&[]), shortest(0x7), integer(9, 8)].concat();
        assert_eq!(check_fails(Role::Server, &wire, ErrorCode::FRAME_ERROR), Error::MalformedFrame(FrameType::GOAWAY));
    }

    #[test]
    fn an_identifier_may_have_any_form() {
        let (outcome, peer) = read_uni(Role::Server, &control(&[frame(0x7, &integer(4, 8))]));
        assert_eq!((outcome, peer.goaway()), (Ok(()), Some(4)));
    }
}

mod qpack_streams {
    use super::*;

    #[test]
    fn an_encoder_may_stay_silent_or_set_the_capacity_to_0() {
        for wire in ["02", "02 20 20"] {
            assert_eq!(read_uni_hex(Role::Client, wire).0, Ok(()));
        }
    }

    #[test]
    fn an_encoder_must_not_use_a_table_without_room() {
        // Set Dynamic Table Capacity 1 and 31 or more; Insert with a name of the static table; Insert with a literal
        // name; Duplicate.
        for wire in ["02 21", "02 3f", "02 c0 00", "02 41 61 00", "02 00", "02 20 00"] {
            check_fails(Role::Client, &hex(wire), ErrorCode::QPACK_ENCODER_STREAM_ERROR);
        }
    }

    #[test]
    fn a_decoder_may_cancel_streams() {
        for wire in ["03", "03 40", "03 7e 44", "03 7f 00 7f 81 80 80 80 80 80 80 80 00 40"] {
            assert_eq!(read_uni_hex(Role::Server, wire).0, Ok(()), "{wire}");
        }
    }

    #[test]
    fn a_decoder_must_not_acknowledge_what_was_never_sent() {
        // Section Acknowledgment, and Insert Count Increment by 0 and by 1.
        for wire in ["03 80", "03 00", "03 01", "03 40 81"] {
            check_fails(Role::Server, &hex(wire), ErrorCode::QPACK_DECODER_STREAM_ERROR);
        }
    }

    #[test]
    fn a_stream_id_must_not_be_endless() {
        check_fails(
            Role::Client,
            &hex("03 7f 80 80 80 80 80 80 80 80 80 80 80 80"),
            ErrorCode::QPACK_DECODER_STREAM_ERROR,
        );
    }
}
