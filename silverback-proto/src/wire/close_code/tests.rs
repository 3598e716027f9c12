//! RFC 6455, 7.4: which codes there are, and which may be sent.

use super::*;

#[test]
fn codes_of_the_registry_may_be_sent() {
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        assert!(CloseCode::new(code).is_sendable(), "{code}");
    }
}

#[test]
fn exactly_the_codes_that_mean_something_on_the_wire_are_sendable() {
    let never = |code: u16| {
        code < 1000 || [1004, 1005, 1006, 1015].contains(&code) || (1016..=2999).contains(&code) || code >= 5000
    };
    for code in 0..=u16::MAX {
        assert_eq!(CloseCode::new(code).is_sendable(), !never(code), "{code}");
    }
}

#[test]
fn only_3000_to_4999_belong_to_applications() {
    for (code, expected) in [(2999, false), (3000, true), (4999, true), (5000, false), (1000, false)] {
        assert_eq!(CloseCode::new(code).is_application(), expected, "{code}");
    }
}

#[test]
fn each_code_has_the_name_of_the_registry() {
    let registry = [
        (1000, "normal closure"),
        (1001, "going away"),
        (1002, "protocol error"),
        (1003, "unsupported data"),
        (1004, "not assigned"),
        (1005, "no status received"),
        (1006, "abnormal closure"),
        (1007, "invalid frame payload data"),
        (1008, "policy violation"),
        (1009, "message too big"),
        (1010, "mandatory extension"),
        (1011, "internal error"),
        (1012, "service restart"),
        (1013, "try again later"),
        (1014, "bad gateway"),
        (1015, "TLS handshake"),
        (3000, "registered by a library"),
        (4999, "private to the application"),
    ];
    for (code, name) in registry {
        assert_eq!(CloseCode::from(code).name(), name, "{code}");
    }
}

#[test]
fn a_code_converts_to_its_number_and_back() {
    let code = CloseCode::from(4000);
    assert_eq!(code, 4000);
    assert_eq!(4000, code);
    assert_ne!(code, 4001);
    assert_eq!(u16::from(code), 4000);
}

#[test]
fn a_code_is_shown_with_its_name() {
    assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001 (going away)");
    assert_eq!(format!("{:?}", CloseCode::new(2000)), "2000 (not assigned)");
}
