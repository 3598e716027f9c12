//! Reading certificates.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair, SanType};

use super::*;

/// From the first of February to the first of March 2026, signed by itself.
fn february() -> Vec<u8> {
    let mut params = CertificateParams::new(["a.example".to_owned(), "*.b.example".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
    params.subject_alt_names.push(SanType::IpAddress("::1".parse().unwrap()));
    params.distinguished_name.push(DnType::CommonName, "a\u{1b}[31m");
    params.not_before = rcgen::date_time_ymd(2026, 2, 1);
    params.not_after = rcgen::date_time_ymd(2026, 3, 1);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// 2026-02-01T00:00:00Z.
const FIRST_OF_FEBRUARY: u64 = 1_769_904_000;

#[test]
fn it_tells_whose_it_is_for_which_names_and_how_long() {
    let certificate = Certificate::read(&february(), at(FIRST_OF_FEBRUARY)).unwrap();
    assert_eq!(certificate.names, ["a.example", "*.b.example", "127.0.0.1", "::1"]);
    assert_eq!((certificate.not_before.0.as_str(), certificate.not_after.0.as_str()), ("2026-02-01", "2026-03-01"));
    assert_eq!(certificate.days_left, 28);
    assert!(certificate.is_self_signed && !certificate.is_early && !certificate.has_expired());
}

#[test]
fn before_and_after_its_time_it_says_so() {
    let early = Certificate::read(&february(), at(FIRST_OF_FEBRUARY - 1)).unwrap();
    assert!(early.is_early && !early.has_expired());
    let day = 24 * 3600;
    let last = Certificate::read(&february(), at(FIRST_OF_FEBRUARY + 28 * day)).unwrap();
    assert_eq!((last.days_left, last.has_expired()), (0, false));
    let late = Certificate::read(&february(), at(FIRST_OF_FEBRUARY + 28 * day + 1)).unwrap();
    assert_eq!((late.days_left, late.has_expired()), (-1, true));
}

#[test]
fn nothing_that_a_terminal_acts_on_is_left() {
    let certificate = Certificate::read(&february(), at(0)).unwrap();
    // RFC 4514, 2.4: a backslash and two hexadecimal digits.
    assert!(certificate.subject.contains("a\\1b[31m"), "{}", certificate.subject);
    assert!(!certificate.subject.chars().any(char::is_control));
}

#[test]
fn what_is_no_certificate_is_none() {
    assert_eq!(Certificate::read(b"", at(0)), None);
    assert_eq!(Certificate::read(&february()[..100], at(0)), None);
}
