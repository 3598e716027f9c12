//! Causes, and how they are counted.

use super::*;

#[test]
fn failures_to_connect_are_told_apart() {
    for (kind, cause) in [
        (io::ErrorKind::ConnectionRefused, Cause::ConnectRefused),
        (io::ErrorKind::TimedOut, Cause::ConnectTimeout),
        (io::ErrorKind::AddrNotAvailable, Cause::NoPorts),
        (io::ErrorKind::HostUnreachable, Cause::Connect),
    ] {
        assert_eq!(Cause::of_connect(&kind.into()), cause);
    }
}

#[cfg(unix)]
#[test]
fn running_out_of_descriptors_is_our_own_limit() {
    let error = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
    assert_eq!(Cause::of_connect(&error), Cause::NoDescriptors);
}

#[test]
fn a_failed_dial_has_the_code_that_every_command_gives_it() {
    let target = || "host:1".to_owned();
    for step in [DialStep::Resolve, DialStep::Connect, DialStep::Proxy, DialStep::Tls, DialStep::Handshake] {
        let slow = DialError::Timeout { step, target: target(), peer: None, after: std::time::Duration::from_secs(1) };
        check_code(&slow);
        assert!(Cause::of_dial(&slow).to_string().ends_with("timeout"), "{slow}");
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::TimedOut, io::ErrorKind::AddrNotAvailable] {
            check_code(&DialError::Io { step, target: target(), peer: None, source: kind.into() });
        }
    }
    check_code(&DialError::UserName);
}

#[track_caller]
fn check_code(error: &DialError) {
    assert_eq!(Cause::of_dial(error).error(String::new()).code(), dial_error(error).code(), "{error}");
}

#[test]
fn the_end_of_an_open_connection_is_told_apart_too() {
    assert_eq!(Cause::of(&silverback::Error::Lost), Cause::Lost);
    assert_eq!(Cause::of(&silverback::Error::Io(io::ErrorKind::ConnectionReset.into())), Cause::Reset);
    assert_eq!(Cause::of_close(CloseCode::new(1008)), Cause::Closed(1008));
    assert_eq!(Cause::of_close(CloseCode::new(1006)), Cause::Lost);
}

#[test]
fn names_in_json_are_stable() {
    for (cause, name) in [
        (Cause::ConnectRefused, "connect_refused"),
        (Cause::Refused(503), "refused_503"),
        (Cause::Closed(1011), "closed_1011"),
        (Cause::Mismatch, "mismatch"),
        (Cause::HandshakeTimeout, "handshake_timeout"),
    ] {
        assert_eq!(cause.to_string(), name);
    }
}

#[test]
fn the_words_of_the_first_are_kept() {
    let mut faults = Faults::default();
    faults.count(Cause::Reset, "first");
    faults.count(Cause::Reset, "second");
    let mut more = Faults::default();
    more.count(Cause::Reset, "third");
    more.count(Cause::Lost, "other");
    faults.add(&more);
    assert_eq!(faults.total(), 4);
    let most = faults.most().map(|(cause, fault)| (cause, fault.count, fault.example.as_str()));
    assert_eq!(most, Some((Cause::Reset, 3, "first")));
}
