//! Heads as text, changed line by line, so that a test reads like the wire.

use http::{Request, Response};

use crate::handshake::{
    http1::parse::{parse_request, parse_response},
    rejection::Rejection,
    server::ServerHandshake,
};

/// A head made of a start line and header lines.
#[derive(Clone)]
pub(super) struct Head {
    start: String,
    lines: Vec<String>,
}

/// The request of RFC 6455, 1.2, without its optional fields.
pub(super) fn request() -> Head {
    Head::new(
        "GET /chat HTTP/1.1",
        &[
            "Host: server.example.com",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        ],
    )
}

/// The response of RFC 6455, 1.2, without its optional fields.
pub(super) fn response() -> Head {
    Head::new(
        "HTTP/1.1 101 Switching Protocols",
        &["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    )
}

impl Head {
    fn new(start: &str, lines: &[&str]) -> Self {
        Self { start: start.to_owned(), lines: lines.iter().map(|&line| line.to_owned()).collect() }
    }

    pub(super) fn start(mut self, start: &str) -> Self {
        self.start = start.to_owned();
        self
    }

    pub(super) fn with(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        let lines_before = self.lines.len();
        self.lines.retain(|line| !line.starts_with(&format!("{name}:")));
        assert!(self.lines.len() < lines_before, "no line {name} to remove");
        self
    }

    /// Puts this line in the place of the ones of the same name.
    pub(super) fn instead(self, line: &str) -> Self {
        let name = line.split(':').next().expect("a name");
        self.without(name).with(line)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut text = self.start.clone() + "\r\n";
        for line in &self.lines {
            text += line;
            text += "\r\n";
        }
        (text + "\r\n").into_bytes()
    }

    pub(super) fn parse_request(&self) -> Request<()> {
        parse_request(&self.bytes()).expect("a readable request")
    }

    pub(super) fn parse_response(&self) -> Response<()> {
        parse_response(&self.bytes()).expect("a readable response")
    }

    pub(super) fn read(&self) -> Result<ServerHandshake, Rejection> {
        ServerHandshake::from_request(&self.parse_request())
    }

    #[track_caller]
    pub(super) fn accepted(&self) -> ServerHandshake {
        self.read().expect("an opening handshake")
    }

    #[track_caller]
    pub(super) fn rejected(&self) -> Rejection {
        self.read().expect_err("no opening handshake")
    }
}
