//! TCP without WebSocket and without a runtime: the measure of all others. One buffer, one read and one write for each
//! connection that is ready.

use std::{
    collections::HashMap,
    io::{ErrorKind, Read as _, Write as _},
    mem::MaybeUninit,
    net::TcpStream,
    os::fd::AsRawFd as _,
};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use silverback_bench::{Failure, Options, listen};

fn main() -> Result<(), Failure> {
    let listener = listen(&Options::parse());
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections = HashMap::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut events = [MaybeUninit::<epoll::Event>::uninit(); 1024];
    loop {
        let Ok((ready, _)) = epoll::wait(&epoll, &mut events[..], None) else { continue };
        for event in ready.iter() {
            let key = event.data.u64();
            if key == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    let key = stream.as_raw_fd() as u64;
                    epoll::add(&epoll, &stream, EventData::new_u64(key), EventFlags::IN)?;
                    connections.insert(key, Connection { stream, unsent: Vec::new(), is_waiting_to_send: false });
                }
                continue;
            }
            let Some(connection) = connections.get_mut(&key) else { continue };
            if !connection.turn(&mut buffer) {
                connections.remove(&key);
            } else if let Some(wanted) = connection.changed_interest() {
                epoll::modify(&epoll, &connection.stream, EventData::new_u64(key), wanted)?;
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    unsent: Vec<u8>,
    is_waiting_to_send: bool,
}

impl Connection {
    /// Gives back what has come; false if the connection has ended.
    fn turn(&mut self, buffer: &mut [u8]) -> bool {
        if !self.unsent.is_empty() {
            return self.send_rest();
        }
        match self.stream.read(buffer) {
            Ok(0) => false,
            Ok(taken) => self.send(&buffer[..taken]),
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        match self.stream.write(bytes) {
            Ok(sent) => self.unsent.extend_from_slice(&bytes[sent..]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.unsent.extend_from_slice(bytes),
            Err(_) => return false,
        }
        true
    }

    fn send_rest(&mut self) -> bool {
        match self.stream.write(&self.unsent) {
            Ok(sent) => _ = self.unsent.drain(..sent),
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
        true
    }

    /// What to wait for, if that has changed.
    fn changed_interest(&mut self) -> Option<EventFlags> {
        let is_blocked = !self.unsent.is_empty();
        (is_blocked != self.is_waiting_to_send).then(|| {
            self.is_waiting_to_send = is_blocked;
            if is_blocked { EventFlags::OUT } else { EventFlags::IN }
        })
    }
}

const LISTENER: u64 = u64::MAX;
