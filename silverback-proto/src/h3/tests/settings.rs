//! RFC 9114, 7.2.4; RFC 9204, 5; RFC 9220, 3.

use super::support::{BOTH, frame, integer, read_uni, read_uni_hex, settings, shortest};
use crate::{
    h3::{
        error::{Error, LimitError, SettingsFault},
        error_code::ErrorCode,
        frame::FrameType,
        limits::Limits,
        settings::Settings,
    },
    wire::role::Role,
};

/// The settings that a server sends on its control stream, or the fault in them.
#[track_caller]
fn read(pairs: &[(u64, u64)]) -> Result<Settings, Error> {
    let wire = [shortest(0), settings(pairs)].concat();
    let (outcome, peer) = read_uni(Role::Server, &wire);
    outcome.map(|()| *peer.settings().unwrap())
}

#[track_caller]
fn check_fails(pairs: &[(u64, u64)], fault: SettingsFault) {
    let error = read(pairs).unwrap_err();
    assert_eq!(error, Error::Settings(fault));
    assert_eq!(error.code(), ErrorCode::SETTINGS_ERROR);
    assert!(error.ends_connection());
}

#[test]
fn without_settings_everything_has_its_default() {
    assert_eq!(read(&[]), Ok(Settings { enable_connect_protocol: false, max_field_section_size: None }));
}

#[test]
fn extended_connect_is_on_with_1_and_off_with_0() {
    assert!(read(&[(0x8, 1)]).unwrap().enable_connect_protocol);
    assert!(!read(&[(0x8, 0)]).unwrap().enable_connect_protocol);
}

#[test]
fn extended_connect_with_another_value_is_an_error() {
    check_fails(&[(0x8, 2)], SettingsFault::NotABoolean { identifier: 0x8, value: 2 });
}

#[test]
fn the_limit_on_field_sections_is_read() {
    assert_eq!(read(&[(0x6, 65_536)]).unwrap().max_field_section_size, Some(65_536));
}

#[test]
fn a_dynamic_table_datagrams_and_unknown_settings_are_ignored() {
    // QPACK_MAX_TABLE_CAPACITY, QPACK_BLOCKED_STREAMS, H3_DATAGRAM, and one of the reserved kind 0x1f * N + 0x21.
    assert_eq!(read(&[(0x1, 4096), (0x7, 100), (0x33, 1), (0x1F * 1000 + 0x21, 9)]), Ok(Settings::default()));
}

#[test]
fn a_setting_that_comes_twice_is_an_error() {
    check_fails(&[(0x6, 1), (0x33, 1), (0x6, 1)], SettingsFault::Duplicate(0x6));
    check_fails(&[(0x40, 1), (0x40, 2)], SettingsFault::Duplicate(0x40));
}

#[test]
fn a_setting_of_http2_is_an_error() {
    for identifier in 0x2..=0x5 {
        check_fails(&[(identifier, 0)], SettingsFault::Http2(identifier));
    }
}

#[test]
fn a_setting_that_is_cut_off_by_the_end_of_the_frame_is_an_error() {
    for payload in [shortest(0x8), [shortest(0x6), vec![0x80, 0]].concat(), vec![0x40]] {
        let wire = [shortest(0), frame(0x4, &payload)].concat();
        let (outcome, _) = read_uni(Role::Server, &wire);
        assert_eq!(outcome, Err(Error::MalformedFrame(FrameType::SETTINGS)));
    }
}

#[test]
fn a_large_frame_is_refused_before_its_payload_comes() {
    let wire = [shortest(0), shortest(0x4), integer(1025, 4)].concat();
    let error = read_uni(Role::Client, &wire).0.unwrap_err();
    assert_eq!(error, LimitError::SettingsFrame { size: 1025, limit: 1024 }.into());
    assert_eq!(error.code(), ErrorCode::EXCESSIVE_LOAD);
    assert!(error.ends_connection());
}

#[test]
fn a_frame_of_exactly_the_limit_is_read() {
    let pairs: Vec<(u64, u64)> = (0..256).map(|n| (0x4000_0000 + n, 0)).take(113).collect();
    let mut payload: Vec<u8> =
        pairs.iter().flat_map(|(id, value)| [shortest(*id), shortest(*value)].concat()).collect();
    payload.extend([integer(0x6, 4), integer(7, 1), integer(0x21, 1), integer(1, 1)].concat());
    assert_eq!(payload.len(), 1024);
    let (outcome, peer) = read_uni(Role::Server, &[shortest(0), frame(0x4, &payload)].concat());
    assert_eq!(outcome, Ok(()));
    assert_eq!(peer.settings().unwrap().max_field_section_size, Some(7));
}

#[test]
fn ours_are_what_a_peer_reads() {
    let limits = Limits { field_section: 9000, ..Limits::default() };
    for (sender, ours) in [(Role::Server, Settings::server(&limits)), (Role::Client, Settings::client(&limits))] {
        let (outcome, peer) = read_uni(sender, &ours.control_stream());
        assert_eq!((outcome, peer.settings()), (Ok(()), Some(&ours)));
        assert_eq!(ours.enable_connect_protocol, sender == Role::Server, "only a server accepts CONNECT");
        assert_eq!(ours.max_field_section_size, Some(9000));
    }
    assert_eq!(Settings::default().control_stream(), [0x00, 0x04, 0x00]);
}

#[test]
fn they_are_not_there_before_the_frame_is_complete() {
    for sender in BOTH {
        let (outcome, peer) = read_uni_hex(sender, "00 04 02 08");
        assert_eq!((outcome, peer.settings()), (Ok(()), None));
    }
}
