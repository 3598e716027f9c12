//! Every request of a connection is treated alike, however it is cut.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use crate::support::{PATIENCE, Program, handshake, read_answer};

fn requests(address: SocketAddr) -> Vec<String> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let shake = |more: &[(&str, &str)]| handshake(address, more);
    let with = |request: &str, lines: &str| request.replacen("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n"), 1);
    let many = |count: usize| (0..count).map(|number| format!("X-{number}: v")).collect::<Vec<_>>().join("\r\n");
    let paths =
        ["/", "/ws/echo", "/ws/echo?x=1", "/ws/%65cho", "/ws/echo/", "/ws/echo#x", "/ws/echo_display", "/healthz"];
    let mut requests: Vec<String> = paths.iter().map(|path| get(path)).collect();
    // Targets and methods.
    for path in
        paths.into_iter().chain(["//", "*", "", "ws/echo", "http://localhost/ws/echo", "https://a.example/ws/echo"])
    {
        requests.push(shake(&[]).replace("/ws/echo", path));
        for method in ["HEAD", "POST", "get", "Get", "OPTIONS", "TRACE", "CONNECT", "BREW", "G@T", ""] {
            requests.push(get(path).replacen("GET", method, 1));
        }
    }
    requests.push(shake(&[]).replacen("GET", "get", 1));
    // Versions.
    for version in ["HTTP/1.0", "HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", ""] {
        requests.extend([get("/healthz"), shake(&[])].map(|request| request.replace("HTTP/1.1", version)));
    }
    // Lines for the headers of a plain request and of a handshake.
    let lines = [
        "Expect: 100-continue",
        "Content-Length: 0",
        "Content-Length: 4\r\n\r\nbody",
        "Content-Length: 4",
        "Content-Length: x",
        "Content-Length: 0\r\nContent-Length: 4\r\n\r\nbody",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0",
        "Connection: close",
        "Connection: keep-alive",
        "Connection: close, Upgrade",
        "Connection: Keep-Alive, CLOSE",
        "Host: other.example",
        "Origin: http://attacker.example",
        "Origin: null",
        "Sec-WebSocket-Protocol: a, b",
        "Sec-WebSocket-Protocol: a, a",
        "Sec-WebSocket-Extensions: permessage-deflate",
        "Sec-WebSocket-Extensions: ;",
        "Sec-WebSocket-Version: 13",
        "No colon",
        "Blank : before the colon",
        "Folded: a\r\n line",
        " Starts: with a blank",
        ": no name",
        "X-Control: \u{1}",
        "X-High: \u{fc}",
        "X-Lf: a\nX-Lf: b",
        "X-Cr: a\rX-Cr: b",
        "X-Empty:",
    ];
    for line in lines {
        requests.extend([with(&get("/healthz"), line), with(&shake(&[]), line)]);
    }
    // Numbers and sizes at their limits. A handshake has five lines, a visit has one.
    for count in [94, 95, 96, 98, 99, 100, 150, 600] {
        requests.extend([with(&get("/healthz"), &many(count)), with(&shake(&[]), &many(count))]);
    }
    for size in [10_000, 17_000, 40_000] {
        let cookie = format!("Cookie: {}", "x".repeat(size));
        requests.extend([with(&get("/healthz"), &cookie), with(&shake(&[]), &cookie)]);
    }
    // Hosts.
    for host in ["", "Host:", "Host: a b", "Host: a\r\nHost: a", "Host: attacker.example"] {
        for request in [get("/healthz"), get("/"), shake(&[])] {
            requests.push(
                request
                    .replace(&format!("Host: {address}\r\n"), &format!("{host}\r\n").replacen("\r\n\r\n", "\r\n", 1)),
            );
        }
    }
    // Handshakes that are none, and what does not look like HTTP.
    requests.extend([
        shake(&[]).replace("Version: 13", "Version: 8"),
        shake(&[]).replace("dGhlIHN", "!!"),
        shake(&[]).replace("Upgrade: websocket\r\n", ""),
        shake(&[]).replace("Connection: Upgrade\r\n", ""),
        shake(&[]).replace("\r\n", "\n"),
        get("/healthz").replace("\r\n", "\n"),
        get("/healthz").replace("\r\n", "\r"),
        "\u{16}\u{3}\u{1} hello\r\n\r\n".to_owned(),
        "\r\n\r\n".to_owned() + &get("/healthz"),
        "hello\r\n\r\n".to_owned(),
        // The first bytes are those of HTTP/2, too.
        format!("PRI * HTTP/1.1\r\nHost: {address}\r\n\r\n"),
        get("/healthz").replace(' ', "  "),
        // The bytes that follow: another request, or bytes for the WebSocket.
        get("/healthz") + &get("/nothing"),
        get("/healthz") + &shake(&[]),
        get("/healthz") + "rest",
        shake(&[]) + "\u{1}\u{2}",
    ]);
    requests
}

/// Everything that comes back until the connection ends, without the dates.
fn answers(address: SocketAddr, before: &str, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (first, others) = pieces.split_first().unwrap();
    stream.write_all(&[before.as_bytes(), first].concat()).unwrap();
    if !before.is_empty() {
        assert_eq!(read_answer(&mut stream, false).body, "ok");
    }
    for piece in others {
        // The server may already have refused an earlier piece.
        let _ = stream.write_all(piece);
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).unwrap();
    let text = String::from_utf8_lossy(&answers).into_owned();
    text.split_inclusive("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("date:")).collect()
}

#[test]
fn every_request_gets_the_same_answer_first_later_behind_another_and_in_pieces() {
    let program = Program::start(&["--quiet", "--no-compression"]);
    let address = program.address;
    let health = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
    for request in requests(address) {
        let bytes = request.as_bytes();
        let shown = &request[..request.floor_char_boundary(300)];
        let first = answers(address, "", &[bytes]);
        assert_eq!(answers(address, &health, &[b"", bytes]), first, "as the second request: {shown:?}");
        assert_eq!(answers(address, &health, &[bytes]), first, "in one packet behind another: {shown:?}");
        let (start, rest) = bytes.split_at(bytes.len() / 2);
        assert_eq!(answers(address, "", &[start, rest]), first, "in two pieces: {shown:?}");
    }
}
