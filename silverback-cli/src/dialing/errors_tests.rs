//! Codes of errors that no test can provoke at will.

use super::*;

#[track_caller]
fn check(step: DialStep, source: io::Error, code: u8) {
    let error = DialError::Io { step, target: "host:1".to_owned(), peer: None, source };
    assert_eq!(dial_error(&error).code(), code, "{error}");
}

#[test]
fn a_time_out_of_the_systems_is_a_time_out() {
    check(DialStep::Connect, io::ErrorKind::TimedOut.into(), 8);
    check(DialStep::Connect, io::ErrorKind::HostUnreachable.into(), 3);
    check(DialStep::Connect, io::ErrorKind::AddrNotAvailable.into(), 3);
}

#[cfg(unix)]
#[test]
fn running_out_of_descriptors_is_our_own_limit() {
    check(DialStep::Connect, io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error()), 1);
}
