//! A hand-written opening handshake (RFC 6455, 4.1).

use std::net::SocketAddr;

use silverback_bench::Failure;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::{
    deflate::{Agreed, Offer},
    patiently,
};

/// The head of a request, and the expected content of its response.
pub(crate) struct Request {
    pub(crate) text: String,
    accept: String,
    offer: Option<Offer>,
}

impl Request {
    pub(crate) fn new(server: SocketAddr, offer: Option<Offer>) -> Self {
        let key = generate_key();
        let mut text = format!(
            "GET /ws/echo HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        );
        if let Some(offer) = &offer {
            text += &format!("Sec-WebSocket-Extensions: {}\r\n", offer.text());
        }
        text += "\r\n";
        Self { text, accept: derive_accept_key(key.as_bytes()), offer }
    }

    /// Sends the request and validates the response. Returns the negotiated compression, if it was offered.
    pub(crate) async fn perform(&self, stream: &mut TcpStream) -> Result<Option<Agreed>, Failure> {
        patiently("a request", stream.write_all(self.text.as_bytes())).await?;
        let head = patiently("a response", read_head(stream)).await?;
        self.validate(&head).map_err(|failure| format!("{failure}, in {head:?}").into())
    }

    fn validate(&self, head: &str) -> Result<Option<Agreed>, Failure> {
        if !head.starts_with("HTTP/1.1 101 ") {
            return Err("not accepted".into());
        }
        if header(head, "sec-websocket-accept") != Some(&self.accept) {
            return Err("the accept value does not match the key".into());
        }
        match (&self.offer, header(head, "sec-websocket-extensions")) {
            (None, None) => Ok(None),
            (Some(offer), Some(answer)) => offer.agree(answer).map(Some),
            (None, Some(_)) => Err("extensions that were not offered".into()),
            (Some(_), None) => Err("no compression".into()),
        }
    }
}

/// The service sends nothing before the first message, so all bytes belong to the head.
async fn read_head(stream: &mut TcpStream) -> Result<String, Failure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(format!("the end came after {:?}", String::from_utf8_lossy(&head)).into());
        }
    }
    Ok(String::from_utf8(head)?)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
