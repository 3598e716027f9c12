//! A broadcast without a runtime, as the lower limit of its cost. Each publication is encoded once and written to every
//! connection with one write. The handshake is silverback's and is not measured.

use std::{collections::HashMap, convert::Infallible, io, os::fd::AsFd};

use silverback::proto::{
    FrameHeader,
    handshake::{
        Acceptance, ServerHandshake,
        http1::{encode_response_head, parse_request},
    },
};
use silverback_bench::{
    Failure, Options, listen,
    sockets::{Handler, Socket, run},
};

fn main() -> Result<Infallible, Failure> {
    run(&listen(&Options::parse()), Room { guests: HashMap::new(), buffer: vec![0; 256 * 1024] })
}

struct Room {
    guests: HashMap<u64, Guest>,
    buffer: Vec<u8>,
}

impl Handler for Room {
    fn accepted(&mut self, key: u64, socket: Socket) {
        self.guests.insert(key, Guest { socket, unread: Vec::new(), is_open: false });
    }

    fn ready(&mut self, epoll: impl AsFd, key: u64) -> Result<(), Failure> {
        let epoll = epoll.as_fd();
        let Some(guest) = self.guests.get_mut(&key) else { return Ok(()) };
        match guest.turn(&mut self.buffer) {
            Ok(news) if news.is_empty() => guest.socket.update_interest(epoll, key)?,
            Ok(news) => {
                for (key, guest) in &mut self.guests {
                    // If a connection fails here, its next read reports it.
                    let _ = guest.socket.send(&news);
                    guest.socket.update_interest(epoll, *key)?;
                }
            }
            Err(_) => _ = self.guests.remove(&key),
        }
        Ok(())
    }
}

struct Guest {
    socket: Socket,
    /// An incomplete request head or frame.
    unread: Vec<u8>,
    is_open: bool,
}

impl Guest {
    /// The frames that it publishes to all connections.
    fn turn(&mut self, buffer: &mut [u8]) -> Result<Vec<u8>, Failure> {
        if self.socket.has_unsent() {
            self.socket.send_rest()?;
        } else if let Some(taken) = self.socket.read(buffer)? {
            self.unread.extend_from_slice(&buffer[..taken]);
            if self.is_open {
                return self.frames();
            }
            self.shake_hands()?;
        }
        Ok(Vec::new())
    }

    fn shake_hands(&mut self) -> Result<(), Failure> {
        if !self.unread.ends_with(b"\r\n\r\n") {
            return Ok(());
        }
        let handshake = ServerHandshake::from_request(&parse_request(&self.unread)?)?;
        let (response, _) = handshake.accept(Acceptance::default())?;
        self.socket.send(&encode_response_head(&response))?;
        self.unread.clear();
        self.is_open = true;
        Ok(())
    }

    /// Returns the complete frames, encoded as a server sends them. Each message of this load is one frame.
    fn frames(&mut self) -> Result<Vec<u8>, Failure> {
        let mut frames = Vec::new();
        let mut done = 0;
        while let Some(header) = FrameHeader::decode(&self.unread[done..]) {
            let start = done + header.encoded_len();
            let end = start + usize::try_from(header.payload_len())?;
            if end > self.unread.len() {
                break;
            }
            if header.opcode.is_control() {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
            }
            frames.extend_from_slice(&FrameHeader::new(header.opcode, header.payload_len()).encode());
            let payload = frames.len();
            frames.extend_from_slice(&self.unread[start..end]);
            if let Some(key) = header.mask {
                key.apply(0, &mut frames[payload..]);
            }
            done = end;
        }
        self.unread.drain(..done);
        Ok(frames)
    }
}
