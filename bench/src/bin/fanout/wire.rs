//! WebSocket as far as a load needs it: handshakes and frames.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use flate2::{Decompress, FlushDecompress};
use silverback_bench::Failure;

/// A frame at the beginning of some bytes.
pub struct Frame<'a> {
    pub opcode: u8,
    pub is_compressed: bool,
    pub payload: &'a [u8],
    /// Bytes of the whole frame.
    pub len: usize,
}

impl<'a> Frame<'a> {
    /// `None` if it is incomplete.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (head, len): (usize, usize) = match second & 127 {
            126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
            short => (2, usize::from(short)),
        };
        let payload = bytes.get(head..head.checked_add(len)?)?;
        Some(Self { opcode: first & 15, is_compressed: first & 0x40 != 0, payload, len: head + len })
    }
}

/// Adds a frame of a client. Its mask is zero, which is a valid one.
pub fn push_frame(bytes: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    bytes.push(0x80 | opcode);
    match payload.len() {
        short @ ..126 => bytes.push(0x80 | short as u8),
        medium @ ..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend_from_slice(payload);
}

/// Opens a WebSocket. Returns the bytes that came after the response.
pub fn shake_hands(
    stream: &mut TcpStream,
    path: &str,
    subprotocol: Option<&str>,
    compress: bool,
) -> Result<Vec<u8>, Failure> {
    let subprotocol = subprotocol.map_or_else(String::new, |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    let extension = if compress { OFFER } else { "" };
    let host = stream.peer_addr()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{subprotocol}{extension}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            break end + 4;
        }
        read_some(stream, &mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    if !head.starts_with("http/1.1 101") {
        return Err(format!("the server refused the handshake: {head}").into());
    }
    if head.contains("permessage-deflate") != compress {
        return Err(format!("compression was asked for: {compress}. The server answered: {head}").into());
    }
    Ok(bytes.split_off(end))
}

pub fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), Failure> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer)? {
        0 => Err("the server closed a connection that was being opened".into()),
        taken => {
            bytes.extend_from_slice(&buffer[..taken]);
            Ok(())
        }
    }
}

/// Inflates a message that refers to none before it.
pub fn inflate(payload: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut inflater = Decompress::new(false);
    let mut bytes = Vec::with_capacity(64 * 1024);
    for part in [payload, &[0, 0, 0xff, 0xff]] {
        let end = inflater.total_in() + part.len() as u64;
        let start = inflater.total_in();
        while inflater.total_in() < end {
            let done = (inflater.total_in() - start) as usize;
            let before = (inflater.total_in(), bytes.len());
            bytes.reserve(64 * 1024);
            inflater.decompress_vec(&part[done..], &mut bytes, FlushDecompress::Sync)?;
            if before == (inflater.total_in(), bytes.len()) {
                // A final block ended before the bytes did.
                return Ok(bytes);
            }
        }
    }
    Ok(bytes)
}

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
/// Servers then compress a message once for all, or at least may.
const OFFER: &str =
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";
