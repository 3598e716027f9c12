//! Which causes may be temporary, and which are final.
#![allow(clippy::unwrap_used)]

use std::borrow::Cow;

use silverback_proto::{ConnectionError, LimitError, ProtocolError, Timeout};

use super::*;
use crate::dial::Refusal;

fn closed(code: u16, initiator: Initiator) -> Disconnect {
    // `CloseInfo` has no public constructor, so we change one that a connection returned.
    let mut info = some_close_info();
    (info.code, info.reason, info.initiator) = (code.into(), Cow::Borrowed("why"), initiator);
    Disconnect::Closed(info)
}

fn some_close_info() -> CloseInfo {
    use silverback_proto::{Config, Negotiated, Role, connection::Transmitter};
    let key = || unreachable!("a server masks nothing");
    let mut transmitter = Transmitter::new(
        Role::Server,
        Arc::new(Config::default()),
        &Negotiated::default(),
        std::time::Instant::now(),
        key,
    );
    transmitter.handle_lost();
    transmitter.close_info().unwrap()
}

fn refused(status: u16) -> Disconnect {
    let refusal = Refusal { status: StatusCode::from_u16(status).unwrap(), headers: Default::default(), body: vec![] };
    Disconnect::Dial(DialError::Refused { target: "host:1".to_owned(), peer: None, refusal: Box::new(refusal) })
}

fn failed_at(step: DialStep, kind: io::ErrorKind) -> Disconnect {
    Disconnect::Dial(DialError::Io { step, target: "host:1".to_owned(), peer: None, source: kind.into() })
}

#[test]
fn codes_of_a_server_that_restarts_or_is_not_well_may_pass() {
    for code in [1001, 1006, 1011, 1012, 1013, 1014] {
        assert!(closed(code, Initiator::Peer).may_pass(), "{code}");
    }
}

#[test]
fn codes_that_say_no_or_that_we_are_wrong_are_final() {
    for code in [1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 3000, 4000, 4999] {
        assert!(!closed(code, Initiator::Peer).may_pass(), "{code}");
    }
}

#[test]
fn what_we_closed_ourselves_is_final_whatever_the_code() {
    assert!(!closed(1001, Initiator::Local).may_pass());
}

#[test]
fn statuses_of_a_server_that_is_busy_may_pass_and_refusals_are_final() {
    for status in [408, 425, 429, 500, 502, 503, 504, 520] {
        assert!(refused(status).may_pass(), "{status}");
    }
    for status in [200, 204, 301, 400, 401, 403, 404, 410, 426, 501, 505] {
        assert!(!refused(status).may_pass(), "{status}");
    }
}

#[test]
fn a_server_out_of_reach_may_come_back_but_a_wrong_certificate_stays_wrong() {
    assert!(failed_at(DialStep::Resolve, io::ErrorKind::Other).may_pass());
    assert!(failed_at(DialStep::Connect, io::ErrorKind::ConnectionRefused).may_pass());
    assert!(failed_at(DialStep::Handshake, io::ErrorKind::UnexpectedEof).may_pass());
    assert!(failed_at(DialStep::Tls, io::ErrorKind::ConnectionReset).may_pass());
    assert!(!failed_at(DialStep::Tls, io::ErrorKind::InvalidData).may_pass());
    assert!(!Disconnect::Dial(DialError::TlsUnsupported).may_pass());
}

#[test]
fn a_lost_connection_may_come_back_and_a_peer_that_breaks_the_rules_is_left_alone() {
    for error in [Error::Lost, Error::Io(io::ErrorKind::ConnectionReset.into())] {
        assert!(Disconnect::Failed(error).may_pass());
    }
    assert!(Disconnect::Failed(Error::Timeout(Timeout::Pong(Duration::from_secs(1)))).may_pass());
    assert!(!Disconnect::Failed(ConnectionError::from(ProtocolError::InvalidUtf8).into()).may_pass());
    assert!(!Disconnect::Failed(Error::Limit(LimitError::Message { size: 2, limit: 1 })).may_pass());
}

#[test]
fn a_hooks_own_error_is_final_and_one_of_the_connection_counts_as_such() {
    let own = Disconnect::from_hook("wrong password".into());
    assert!(matches!(own, Disconnect::Hook(_)) && !own.may_pass());
    let lost = Disconnect::from_hook(Box::new(Error::Lost));
    assert!(matches!(lost, Disconnect::Failed(Error::Lost)) && lost.may_pass());
    let dial = Disconnect::from_hook(Box::new(DialError::TlsUnsupported));
    assert!(matches!(dial, Disconnect::Dial(_)) && !dial.may_pass());
    assert!(Disconnect::HookTimeout(Duration::from_secs(1)).may_pass());
}

#[test]
fn an_outage_says_why_what_was_lost_and_what_comes_next() {
    let mut outage = Outage {
        cause: Arc::new(closed(1012, Initiator::Peer)),
        undelivered: vec!["a".into(), "b".into()],
        failures: 1,
        retry_in: Some(Duration::from_millis(1500)),
    };
    let text = outage.to_string();
    assert!(text.starts_with("the server closed the connection with 1012"), "{text}");
    assert!(text.ends_with(": why; 2 messages were not sent; connecting again in 1.5s"), "{text}");
    (outage.undelivered, outage.retry_in) = (vec![], None);
    assert!(outage.to_string().ends_with(": why"), "{outage}");
}
