//! Servers that are not reached at all.

use std::{net::TcpListener, thread, time::Duration};

use super::{check, finds, steps};
use crate::{connect::servers::Server, support::Program};

/// An address without a listener.
fn deaf() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_name_that_nobody_has() {
    let object = finds(&["ws://nowhere.invalid/"], 3, "name-not-found", &["nowhere.invalid", "--resolve"]);
    assert_eq!(steps(&object, "resolve")[0]["ok"], false);
}

#[test]
fn a_port_at_which_nobody_listens() {
    let address = deaf();
    let object =
        finds(&[&format!("ws://{address}/")], 3, "connection-refused", &[&address.to_string(), "nothing listens"]);
    let [attempt] = steps(&object, "connect")[..] else { panic!("{object:#}") };
    assert_eq!((&attempt["ok"], &attempt["address"]), (&false.into(), &address.to_string().into()));
}

#[test]
fn each_address_that_was_tried_is_told() {
    let program = Program::start(&["--quiet", "--allow-host", "two.example"]);
    let port = program.address.port();
    let entry = format!("two.example:{port}:127.0.0.77,127.0.0.1");
    let object = super::json(&[&format!("ws://two.example:{port}/ws/echo"), "--resolve", &entry]);
    let tried: Vec<_> = steps(&object, "connect").iter().map(|step| step["ok"].as_bool().unwrap()).collect();
    assert_eq!(tried, [false, true], "{object:#}");
    assert!(object["notes"][0].as_str().unwrap().contains("127.0.0.77"), "{object:#}");
    assert_eq!(object["exit_code"], 0);
}

#[test]
fn a_queue_that_is_full_answers_nobody() {
    let (_filled, address) = full();
    let url = format!("ws://{address}/");
    finds(&[&url, "--connect-timeout", "300ms"], 8, "connect-timeout", &["firewall"]);
}

/// A listener that accepts nothing and whose queue is full, so that connections to it never open.
fn full() -> (Vec<socket2::Socket>, std::net::SocketAddr) {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = vec![listener];
    loop {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let outcome = socket.connect_timeout(&address, Duration::from_millis(500));
        held.push(socket);
        if outcome.is_err() {
            return (held, address.as_socket().unwrap());
        }
    }
}

#[test]
fn a_socket_that_does_not_exist() {
    finds(&["ws://h/", "--unix-socket", "/nowhere/socket"], 3, "socket-not-usable", &["/nowhere/socket"]);
}

#[test]
fn proxies_that_let_nobody_through() {
    for (status, cause) in [
        ("407 Proxy Authentication Required", "proxy-credentials"),
        ("403 Forbidden", "proxy-forbids"),
        ("502 Bad Gateway", "proxy-cannot-reach"),
        ("400 Bad Request", "proxy-refused"),
    ] {
        let proxy = Server::answering(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
        let object = finds(&["ws://h/", "-x", &format!("http://{}", proxy.address)], 3, cause, &["--noproxy"]);
        assert_eq!(steps(&object, "proxy")[0]["ok"], false);
    }
}

#[test]
fn a_proxy_that_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    finds(&["ws://127.0.0.1:1/", "-x", &format!("socks5://{proxy}")], 3, "proxy-failed", &["kind"]);
}

#[test]
fn what_makes_no_sense_is_a_matter_of_usage() {
    for options in [
        &["ws://h/#part"][..],
        &["ftp://h/"],
        &["ws://h/", "--cacert", "/nowhere"],
        &["ws://h/", "--json", "--format", "text"],
    ] {
        let found = check(options);
        assert_eq!((found.code, found.out.as_str()), (Some(2), ""), "{options:?}");
        assert_eq!(found.err.lines().count(), 1, "{}", found.err);
    }
}
