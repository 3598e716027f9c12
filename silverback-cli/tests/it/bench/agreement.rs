//! The exit codes of `connect`, `check` and `bench` are the same where the same happens to them.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    process::Stdio,
};

use super::servers::{self, Server, read_head};
use crate::connect::{command, wait_for};

/// All three end with this code where a server does this with each connection.
#[track_caller]
fn check(code: i32, serve: impl Fn(TcpStream) + Send + Sync + 'static) {
    check_url(code, &Server::start(serve).url, &[]);
}

#[track_caller]
fn check_url(code: i32, url: &str, options: &[&str]) {
    for name in COMMANDS {
        let mut command = command(&[name]);
        command.arg(url).args(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = wait_for(command.spawn().unwrap());
        assert_eq!(output.status.code(), Some(code), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn answer(text: &'static [u8]) -> impl Fn(TcpStream) + Send + Sync + 'static {
    move |mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(text);
        servers::leave(stream);
    }
}

#[test]
fn nobody_there_and_no_such_host_are_3() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    check_url(3, &format!("ws://{address}/"), &[]);
    check_url(3, "ws://no-such-host.invalid/", &[]);
}

#[test]
fn a_proxy_that_refuses_is_3() {
    let proxy = Server::start(answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
    check_url(3, "ws://h/", &["--proxy", &proxy.url.replace("ws:", "http:")]);
}

#[test]
fn what_is_no_tls_is_4() {
    let server = Server::start(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        servers::leave(stream);
    });
    check_url(4, &server.url.replace("ws:", "wss:"), &[]);
}

#[test]
fn a_refusal_is_5() {
    check(5, answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
}

#[test]
fn an_end_or_a_reset_before_the_answer_is_5() {
    check(5, answer(b""));
    check(5, |mut stream| {
        read_head(&mut stream);
        servers::reset(stream);
    });
}

#[test]
fn what_is_no_http_and_a_wrong_101_are_7() {
    check(7, answer(b"220 mail.example ESMTP\r\n\r\n"));
    check(
        7,
        answer(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        ),
    );
}

#[test]
fn no_answer_in_time_is_8() {
    let server = Server::start(servers::ignore);
    check_url(8, &server.url, &["--connect-timeout", "200ms"]);
    check_url(8, &server.url.replace("ws:", "wss:"), &["--connect-timeout", "200ms"]);
    let proxy = server.url.replace("ws:", "http:");
    check_url(8, "ws://h/", &["--proxy", &proxy, "--connect-timeout", "200ms"]);
}

/// Commands need different numbers of descriptors before they connect, so each is tried with more and more.
#[test]
fn no_descriptor_left_to_connect_with_is_1() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for name in COMMANDS {
        let mut met = 0;
        for descriptors in 4..30 {
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", &format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"")]);
            shell.args([env!("CARGO_BIN_EXE_silverback"), name, &format!("ws://{address}/")]).stdin(Stdio::null());
            let output = shell.output().unwrap();
            let err = String::from_utf8_lossy(&output.stderr);
            if err.contains(&address.to_string()) && err.contains("os error 24")
                || err.contains("out of file descriptors")
            {
                assert_eq!(output.status.code(), Some(1), "{name} with {descriptors}: {err}");
                met += 1;
            }
        }
        assert!(met > 0, "{name} never runs out of them when it connects");
    }
}

const COMMANDS: [&str; 3] = ["connect", "check", "bench"];
