//! TCP without WebSocket and without a runtime: the measure of all others. One buffer, one read and one write for each
//! connection that is ready.

use std::{collections::HashMap, io, mem::MaybeUninit};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use silverback_bench::{Failure, Options, listen, sockets::Socket};

fn main() -> Result<(), Failure> {
    let listener = listen(&Options::parse());
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut sockets = HashMap::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut events = [MaybeUninit::<epoll::Event>::uninit(); 1024];
    loop {
        let Ok((ready, _)) = epoll::wait(&epoll, &mut events[..], None) else { continue };
        for event in ready.iter() {
            let key = event.data.u64();
            if key == LISTENER {
                while let Some((key, socket)) = Socket::accept(&listener, &epoll)? {
                    sockets.insert(key, socket);
                }
                continue;
            }
            let Some(socket) = sockets.get_mut(&key) else { continue };
            match echo(socket, &mut buffer) {
                Ok(()) => socket.update_interest(&epoll, key)?,
                Err(_) => _ = sockets.remove(&key),
            }
        }
    }
}

/// Gives back what has come.
fn echo(socket: &mut Socket, buffer: &mut [u8]) -> io::Result<()> {
    if socket.has_unsent() {
        return socket.send_rest();
    }
    match socket.read(buffer)? {
        Some(taken) => socket.send(&buffer[..taken]),
        None => Ok(()),
    }
}

const LISTENER: u64 = u64::MAX;
