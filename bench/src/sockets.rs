//! Sockets without a runtime, for epoll loops.

use std::{
    convert::Infallible,
    io::{self, ErrorKind, Read as _, Write as _},
    mem::MaybeUninit,
    net::{TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd as _},
};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::Failure;

/// The behaviour of a server on its connections.
pub trait Handler {
    /// Takes a new connection.
    fn accepted(&mut self, key: u64, socket: Socket);

    /// Handles a connection that is readable, or writable after it was full.
    fn ready(&mut self, epoll: impl AsFd, key: u64) -> Result<(), Failure>;
}

/// Serves until an error occurs that is not the fault of one connection.
pub fn run(listener: &TcpListener, mut handler: impl Handler) -> Result<Infallible, Failure> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut events = [MaybeUninit::<epoll::Event>::uninit(); 1024];
    loop {
        let Ok((ready, _)) = epoll::wait(&epoll, &mut events[..], None) else { continue };
        for event in ready.iter() {
            match event.data.u64() {
                LISTENER => {
                    while let Some((key, socket)) = Socket::accept(listener, &epoll)? {
                        handler.accepted(key, socket);
                    }
                }
                key => handler.ready(&epoll, key)?,
            }
        }
    }
}

/// A non-blocking connection and the bytes that it could not send yet.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    unsent: Vec<u8>,
    is_waiting_to_send: bool,
}

impl Socket {
    /// Accepts the next waiting connection, registers it with `epoll`, and returns it with its key there.
    fn accept(listener: &TcpListener, epoll: impl AsFd) -> Result<Option<(u64, Self)>, Failure> {
        let Ok((stream, _)) = listener.accept() else { return Ok(None) };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let key = stream.as_raw_fd() as u64;
        epoll::add(epoll, &stream, EventData::new_u64(key), EventFlags::IN)?;
        Ok(Some((key, Self { stream, unsent: Vec::new(), is_waiting_to_send: false })))
    }

    /// Reads available bytes, or returns `None`. The end of the connection is an error.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.read(buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(taken) => Ok(Some(taken)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends bytes, and keeps the rest if the connection is full.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(());
        }
        match self.stream.write(bytes) {
            Ok(sent) => self.unsent.extend_from_slice(&bytes[sent..]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.unsent.extend_from_slice(bytes),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether bytes wait until the connection has room.
    pub fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends as much of the rest as the connection takes now.
    pub fn send_rest(&mut self) -> io::Result<()> {
        match self.stream.write(&self.unsent) {
            Ok(sent) => _ = self.unsent.drain(..sent),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Registers for input, or for room while bytes are unsent.
    pub fn update_interest(&mut self, epoll: impl AsFd, key: u64) -> Result<(), Failure> {
        if self.has_unsent() != self.is_waiting_to_send {
            self.is_waiting_to_send = self.has_unsent();
            let wanted = if self.is_waiting_to_send { EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(epoll, &self.stream, EventData::new_u64(key), wanted)?;
        }
        Ok(())
    }
}

const LISTENER: u64 = u64::MAX;
