//! A low-level server: the handshake and single frames by hand, on a plain TCP stream, with `silverback_proto` alone.
//!
//! ```text
//! cargo run -p silverback --example low_level_server [ADDRESS]
//! ```
//!
//! It sends frames back unchanged, fragments too, and answers the text `bye` with a Close. It checks few rules;
//! `silverback_proto::Connection` checks all of them.
#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use silverback_proto::handshake::http1::{HeadReader, Progress, encode_response_head, parse_request};
use silverback_proto::handshake::{Acceptance, ServerHandshake};
use silverback_proto::{CloseCode, CloseFrame, FrameHeader, Opcode};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:8000"))?;
    println!("listening ws://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let mut stream = BufReader::new(stream?);
        std::thread::spawn(move || shake_hands(&mut stream).is_ok() && serve(stream).is_ok());
    }
    Ok(())
}

fn shake_hands(stream: &mut BufReader<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
    let mut head = HeadReader::new(16 * 1024);
    while head.handle_input(&[read_byte(stream)?])? == Progress::NeedMore {}
    let handshake = ServerHandshake::from_request(&parse_request(head.head())?)?;
    let (response, _) = handshake.accept(Acceptance::default())?;
    Ok(stream.get_mut().write_all(&encode_response_head(&response))?)
}

fn serve(mut stream: BufReader<TcpStream>) -> io::Result<()> {
    loop {
        let (header, payload) = receive(&mut stream)?;
        match header.opcode {
            _ if header.mask.is_none() => return close(stream, CloseCode::PROTOCOL_ERROR, "not masked"),
            Opcode::TEXT if payload == b"bye" => return close(stream, CloseCode::NORMAL, "see you"),
            Opcode::CLOSE => return send(&mut stream, Opcode::CLOSE, true, &payload),
            Opcode::PING => send(&mut stream, Opcode::PONG, true, &payload)?,
            Opcode::PONG => {}
            opcode => send(&mut stream, opcode, header.is_final(), &payload)?,
        }
    }
}

fn receive(stream: &mut BufReader<TcpStream>) -> io::Result<(FrameHeader, Vec<u8>)> {
    let (mut bytes, mut payload) = (vec![read_byte(stream)?], Vec::new());
    while FrameHeader::decode(&bytes).is_none() {
        bytes.push(read_byte(stream)?);
    }
    let header = FrameHeader::decode(&bytes).ok_or(io::ErrorKind::InvalidData)?;
    // Memory grows with the bytes that arrive, not with the length in the header.
    let count = stream.take(header.payload_len().min(MAX_PAYLOAD)).read_to_end(&mut payload)?;
    if count as u64 != header.payload_len() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    header.mask.inspect(|key| key.apply(0, &mut payload));
    Ok((header, payload))
}

fn read_byte(stream: &mut BufReader<TcpStream>) -> io::Result<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte).map(|()| byte[0])
}

fn send(stream: &mut BufReader<TcpStream>, opcode: Opcode, is_final: bool, payload: &[u8]) -> io::Result<()> {
    let header = FrameHeader::new(opcode, payload.len() as u64).with_final(is_final).encode();
    stream.get_mut().write_all(&[&header, payload].concat())
}

fn close(mut stream: BufReader<TcpStream>, code: CloseCode, reason: &'static str) -> io::Result<()> {
    let mut payload = Vec::new();
    CloseFrame::new(code, reason).map_err(io::Error::other)?.encode(&mut payload);
    send(&mut stream, Opcode::CLOSE, true, &payload)?;
    // Reads the peer's remaining bytes. Otherwise the kernel would reset the connection and destroy our Close frame.
    stream.get_mut().shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

const MAX_PAYLOAD: u64 = 1024 * 1024;
