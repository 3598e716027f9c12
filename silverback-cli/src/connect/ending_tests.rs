//! The meaning of each end.
#![allow(clippy::unwrap_used)]

use silverback::{LimitError, Timeout};

use super::*;

fn lost(error: silverback::Error) -> End {
    End::GivenUp { cause: Arc::new(Disconnect::Failed(error)), url: "ws://h/".to_owned() }
}

fn code(end: End, undone: Undone) -> u8 {
    end.outcome(undone).map_or_else(|error| error.code(), |()| 0)
}

#[test]
fn a_timeout_is_8_and_a_limit_is_7() {
    assert_eq!(code(End::Silence(Duration::from_secs(1)), Undone::default()), 8);
    assert_eq!(code(lost(silverback::Error::Timeout(Timeout::Pong(Duration::from_secs(1)))), Undone::default()), 8);
    let limit = LimitError::Message { size: 2, limit: 1 };
    assert_eq!(code(lost(silverback::Error::Limit(limit)), Undone::default()), 7);
}

#[test]
fn a_connection_that_is_lost_is_6_and_what_was_not_sent_is_told() {
    for error in [silverback::Error::Lost, silverback::Error::Io(io::ErrorKind::ConnectionReset.into())] {
        let error = lost(error).outcome(Undone { unsent: 2, ..Undone::default() }).unwrap_err();
        assert_eq!(error.code(), 6);
        assert!(error.to_string().ends_with("; 2 messages were not sent"), "{error}");
    }
}

#[test]
fn a_closed_output_is_no_trouble_and_a_full_disk_is() {
    assert_eq!(code(End::Output(io::ErrorKind::BrokenPipe.into()), Undone::default()), 0);
    assert_eq!(code(End::Output(io::ErrorKind::StorageFull.into()), Undone::default()), 1);
}

#[test]
fn a_signal_is_the_code_that_shells_expect() {
    assert_eq!(code(End::Signal(130), Undone::default()), 130);
}
