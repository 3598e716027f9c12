//! What `--resolve` means.
#![allow(clippy::unwrap_used)]

use super::*;

#[track_caller]
fn check(text: &str, host: &str, addresses: &[&str]) {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    assert_eq!(parse(text), Ok(Override { host: host.to_owned(), addresses }));
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
