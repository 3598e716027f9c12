//! A WebSocket client without a library: it sends what no library would.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

use super::{
    PATIENCE,
    http::{handshake, read_answer},
};

/// A frame from a client. The key is zero: masked bytes are the bytes themselves.
pub(crate) fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match payload.len() {
        len @ ..=125 => frame.push(0x80 | len as u8),
        len @ ..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// A connection after its handshake.
pub(crate) struct RawClient {
    pub(crate) stream: TcpStream,
}

impl RawClient {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, b"")
    }

    /// `early` goes in the same packet as the request.
    pub(crate) fn connect_with(address: SocketAddr, early: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&[handshake(address, &[]).as_bytes(), early].concat()).unwrap();
        assert_eq!(read_answer(&mut stream, false).status, 101);
        Self { stream }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends as much as the server takes: until nothing has been taken for `quiet`, or all has. Says how much that was.
    pub(crate) fn send_as_much_as_possible(&mut self, bytes: &[u8], quiet: Duration) -> usize {
        self.stream.set_nonblocking(true).unwrap();
        let mut sent = 0;
        let mut last_progress = Instant::now();
        while sent < bytes.len() && last_progress.elapsed() < quiet {
            match self.stream.write(&bytes[sent..]) {
                Ok(count) => {
                    sent += count;
                    last_progress = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(5)),
                Err(error) => panic!("{error} after {sent} bytes"),
            }
        }
        self.stream.set_nonblocking(false).unwrap();
        sent
    }

    /// The next frame: its first byte and its payload.
    pub(crate) fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 2];
        self.stream.read_exact(&mut header).unwrap();
        let len = match header[1] {
            126 => {
                let mut len = [0; 2];
                self.stream.read_exact(&mut len).unwrap();
                u16::from_be_bytes(len).into()
            }
            127 => {
                let mut len = [0; 8];
                self.stream.read_exact(&mut len).unwrap();
                u64::from_be_bytes(len) as usize
            }
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).unwrap();
        (header[0], payload)
    }

    /// Waits until the server has ended the connection. Returns the bytes before its end.
    pub(crate) fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).map(|_| rest)
    }

    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Ends with a reset instead of an orderly end.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}
