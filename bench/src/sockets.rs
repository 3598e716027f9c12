//! Sockets without a runtime, for loops on epoll.

use std::{
    convert::Infallible,
    io::{self, ErrorKind, Read as _, Write as _},
    mem::MaybeUninit,
    net::{TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd as _},
};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::Failure;

/// What is done with connections.
pub trait Handler {
    /// Keeps a new one.
    fn accepted(&mut self, key: u64, socket: Socket);

    /// One can be read, or has room for what it did not take.
    fn ready(&mut self, epoll: impl AsFd, key: u64) -> Result<(), Failure>;
}

/// Serves until something fails that is no connection's fault.
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

/// A connection that never blocks, and what it could not send yet.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    unsent: Vec<u8>,
    is_waiting_to_send: bool,
}

impl Socket {
    /// The next connection that waits to be accepted, watched by `epoll`, and its key there.
    fn accept(listener: &TcpListener, epoll: impl AsFd) -> Result<Option<(u64, Self)>, Failure> {
        let Ok((stream, _)) = listener.accept() else { return Ok(None) };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let key = stream.as_raw_fd() as u64;
        epoll::add(epoll, &stream, EventData::new_u64(key), EventFlags::IN)?;
        Ok(Some((key, Self { stream, unsent: Vec::new(), is_waiting_to_send: false })))
    }

    /// Reads what has come, if anything has; the end of the connection is an error.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.read(buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(taken) => Ok(Some(taken)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends, and keeps what the connection does not take.
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

    /// Whether something waits for room.
    pub fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends of it what the connection takes now.
    pub fn send_rest(&mut self) -> io::Result<()> {
        match self.stream.write(&self.unsent) {
            Ok(sent) => _ = self.unsent.drain(..sent),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits for input, or for room as long as something is unsent.
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
