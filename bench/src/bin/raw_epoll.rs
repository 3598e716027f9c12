//! TCP without WebSocket and without a runtime, as the baseline for all servers. It has one buffer, and makes one read
//! and one write for each ready connection.

use std::{collections::HashMap, convert::Infallible, io, os::fd::AsFd};

use silverback_bench::{
    Failure, Options, listen,
    sockets::{Handler, Socket, run},
};

fn main() -> Result<Infallible, Failure> {
    run(&listen(&Options::parse()), Echo { sockets: HashMap::new(), buffer: vec![0; 256 * 1024] })
}

struct Echo {
    sockets: HashMap<u64, Socket>,
    buffer: Vec<u8>,
}

impl Handler for Echo {
    fn accepted(&mut self, key: u64, socket: Socket) {
        self.sockets.insert(key, socket);
    }

    fn ready(&mut self, epoll: impl AsFd, key: u64) -> Result<(), Failure> {
        let Some(socket) = self.sockets.get_mut(&key) else { return Ok(()) };
        match turn(socket, &mut self.buffer) {
            Ok(()) => socket.update_interest(epoll, key)?,
            Err(_) => _ = self.sockets.remove(&key),
        }
        Ok(())
    }
}

/// Sends the received bytes back.
fn turn(socket: &mut Socket, buffer: &mut [u8]) -> io::Result<()> {
    if socket.has_unsent() {
        return socket.send_rest();
    }
    match socket.read(buffer)? {
        Some(taken) => socket.send(&buffer[..taken]),
        None => Ok(()),
    }
}
