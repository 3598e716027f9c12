//! The meaning of `--resolve`.
#![allow(clippy::unwrap_used)]

use super::*;

#[track_caller]
fn check(text: &str, host: &str, addresses: &[&str]) {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let port = addresses[0].port();
    assert_eq!(parse(text), Ok(Override { host: host.to_owned(), port, addresses }));
}

#[test]
fn it_is_for_one_host_and_port() {
    let given = parse("Example.com:443:127.0.0.1").unwrap();
    assert!(given.is_for("example.COM", 443));
    assert!(!given.is_for("example.com", 80) && !given.is_for("www.example.com", 443));
    assert_eq!(given.place(), "example.com:443");
    let given = parse("[2001:db8::1]:80:127.0.0.1").unwrap();
    assert!(given.is_for("[2001:db8::1]", 80));
    assert_eq!(given.place(), "[2001:db8::1]:80");
}

#[test]
fn a_host_has_one_address_or_several() {
    check("example.com:443:127.0.0.1", "example.com", &["127.0.0.1:443"]);
    check("example.com:80:[::1],127.0.0.1", "example.com", &["[::1]:80", "127.0.0.1:80"]);
    check("example.com:80:::1", "example.com", &["[::1]:80"]);
    check("[2001:db8::1]:80:127.0.0.1", "2001:db8::1", &["127.0.0.1:80"]);
}

#[test]
fn what_is_no_override_is_refused() {
    for text in
        ["", "example.com", "example.com:443", "example.com:443:", ":443:127.0.0.1", "h:x:127.0.0.1", "h:1:name"]
    {
        assert!(parse(text).unwrap_err().contains("HOST:PORT:ADDRESS"), "{text}");
    }
}
