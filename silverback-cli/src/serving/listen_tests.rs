//! Addresses as people write them, and sockets on free ports.
#![allow(clippy::unwrap_used)]

use super::*;

fn parse(text: &str) -> Result<Address, String> {
    text.parse()
}

fn bind(text: &str) -> Result<Bound, Error> {
    bind_all(&[parse(text).unwrap()], None, || {}).map(|mut bound| bound.remove(0))
}

fn tcp(bound: &Bound) -> Vec<&TcpListener> {
    fn of(listener: &Listener) -> Option<&TcpListener> {
        match listener {
            Listener::Tcp(listener) => Some(listener),
            #[cfg(unix)]
            Listener::Unix(_) => None,
        }
    }
    bound.listeners.iter().filter_map(of).collect()
}

fn authority(text: &str) -> String {
    match bind(text).unwrap().place {
        Place::Authority(authority) => authority,
        #[cfg(unix)]
        Place::File(file) => panic!("{file:?}"),
    }
}

#[test]
fn addresses_are_host_and_port() {
    for text in ["localhost:8000", "127.0.0.1:80", "0.0.0.0:0", "[::1]:9000", "[::]:65535", "my-host.example:8000"] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
    assert_eq!(parse("LocalHost:1").unwrap(), parse("localhost:1").unwrap());
}

#[test]
fn what_is_no_address_is_refused_with_examples() {
    for text in [
        "",
        "8000",
        ":8000",
        "localhost",
        "localhost:",
        "localhost:-1",
        "localhost:http",
        "127.0.0.1",
        "127.0.0:80",
        "256.0.0.1:80",
        "::1:8000",
        "[::1]",
        "[::1:8000",
        "[localhost]:80",
        "http://localhost:8000",
        "a b:80",
        "host..name:80",
        "user@host:80",
    ] {
        assert!(parse(text).unwrap_err().contains("localhost:8000"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_has_the_usual_spellings() {
    for text in ["unix:/run/echo.sock", "unix:///run/echo.sock", "/run/echo.sock"] {
        assert_eq!(parse(text).unwrap().to_string(), "unix:/run/echo.sock", "{text}");
    }
    assert_eq!(parse("unix:echo.sock"), Ok(Address::Unix("echo.sock".into())));
    for text in ["unix:", "unix://"] {
        assert!(parse(text).unwrap_err().contains("path"), "{text}");
    }
}

#[test]
fn what_is_wrong_with_an_address_is_named() {
    for (text, words) in [
        ("localhost:80000", "the port 80000 is not from 0 to 65535"),
        ("[::1]:99999999999", "the port 99999999999 is not from 0 to 65535"),
        ("localhost", "the port is missing: "),
        ("localhost:", "the port is missing: "),
        ("8000", "the host is missing: "),
        (":8000", "the host is missing: "),
        ("::1:8000", "an IPv6 address needs brackets: "),
        ("::1", "an IPv6 address needs brackets: "),
        ("ws://localhost:80", "it is a URL, not an address: "),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(words), "{text}: {error}");
    }
}

#[test]
fn localhost_is_one_port_on_both_families() {
    let bound = bind("localhost:0").unwrap();
    let locals: Vec<_> = tcp(&bound).iter().map(|listener| listener.local_addr().unwrap()).collect();
    assert!(locals.iter().all(|local| local.ip().is_loopback() && local.port() == locals[0].port()), "{locals:?}");
    assert!(matches!(&bound.place, Place::Authority(text) if *text == format!("localhost:{}", locals[0].port())));
    assert!(!locals.is_empty() && locals.len() <= 2);
}

#[test]
fn a_port_in_use_is_a_matter_of_the_network() {
    let first = bind("127.0.0.1:0").unwrap();
    let port = tcp(&first)[0].local_addr().unwrap().port();
    for text in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("0.0.0.0:{port}")] {
        let error = bind(&text).unwrap_err();
        assert!(matches!(&error, Error::Network(line) if line.contains("in use")), "{error}");
    }
}

#[test]
fn an_address_of_another_machine_is_a_matter_of_the_network() {
    // 192.0.2.0/24 is for documentation (RFC 5737).
    let error = bind("192.0.2.1:0").unwrap_err();
    assert!(matches!(&error, Error::Network(line) if line.contains("192.0.2.1")), "{error}");
}

#[test]
fn a_url_names_a_host_that_can_be_opened() {
    assert!(authority("0.0.0.0:0").starts_with("localhost:"));
    assert!(authority("127.0.0.1:0").starts_with("127.0.0.1:"));
    assert!(!authority("127.0.0.1:0").ends_with(":0"));
}

/// Whether a client reaches one of these listeners.
fn is_reached(bound: &[Bound], ip: IpAddr) -> bool {
    let port = tcp(&bound[0])[0].local_addr().unwrap().port();
    let Ok(_client) = std::net::TcpStream::connect((ip, port)) else { return false };
    bound.iter().flat_map(tcp).any(|listener| listener.accept().is_ok())
}

#[test]
fn both_families_may_be_named_with_one_port() {
    let (ipv4, ipv6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    if TcpListener::bind((ipv6, 0)).is_err() {
        return;
    }
    for texts in [
        &["[::]:PORT"][..],
        &["0.0.0.0:PORT", "[::]:PORT"],
        &["[::]:PORT", "0.0.0.0:PORT"],
        &["127.0.0.1:PORT", "[::]:PORT"],
        &["[::]:PORT", "127.0.0.1:PORT"],
        &["0.0.0.0:PORT", "[::1]:PORT"],
    ] {
        // Another program may take the port in between.
        let bound = (0..PORT_ATTEMPTS).find_map(|_| {
            let free = tcp(&bind("[::]:0").unwrap())[0].local_addr().unwrap().port();
            let addresses: Vec<_> =
                texts.iter().map(|text| parse(&text.replace("PORT", &free.to_string())).unwrap()).collect();
            bind_all(&addresses, None, || {}).ok()
        });
        let bound = bound.unwrap_or_else(|| panic!("{texts:?} conflict"));
        assert!(is_reached(&bound, ipv4) && is_reached(&bound, ipv6), "{texts:?}");
    }
}

#[test]
fn all_names_are_looked_up_before_a_client_can_connect() {
    // No name service knows a name with so long a label.
    let unknown = format!("{}.example:0", "a".repeat(64));
    let addresses = ["127.0.0.1:0".parse().unwrap(), unknown.parse().unwrap()];
    assert!(bind_all(&addresses, None, || panic!("it listens")).is_err());
    let mut is_told = false;
    assert_eq!(bind_all(&addresses[..1], None, || is_told = true).unwrap().len(), 1);
    assert!(is_told);
}
