//! What each end means.
#![allow(clippy::unwrap_used)]

use silverback::LimitError;

use super::*;

fn code(end: End, undone: Undone) -> u8 {
    end.outcome(undone).map_or_else(|trouble| trouble.code(), |()| 0)
}

#[test]
fn a_timeout_is_8_and_a_limit_is_7() {
    assert_eq!(code(End::Silence(Duration::from_secs(1)), Undone::default()), 8);
    assert_eq!(code(End::Failed(Error::Timeout(Timeout::Pong(Duration::from_secs(1)))), Undone::default()), 8);
    let limit = LimitError::Message { size: 2, limit: 1 };
    assert_eq!(code(End::Failed(Error::Limit(limit)), Undone::default()), 7);
}

#[test]
fn a_connection_that_is_lost_is_6_and_may_come_back() {
    for error in [Error::Lost, Error::Io(io::ErrorKind::ConnectionReset.into())] {
        let end = End::Failed(error);
        assert!(end.may_pass());
        assert_eq!(code(end, Undone::default()), 6);
    }
}

#[test]
fn a_closed_output_is_no_trouble_and_a_full_disk_is() {
    assert_eq!(code(End::Output(io::ErrorKind::BrokenPipe.into()), Undone::default()), 0);
    assert_eq!(code(End::Output(io::ErrorKind::StorageFull.into()), Undone::default()), 1);
}

#[test]
fn what_we_end_is_not_tried_again() {
    assert!(!End::Done.may_pass());
    assert!(!End::Signal(130).may_pass());
    assert_eq!(code(End::Signal(130), Undone::default()), 130);
}
