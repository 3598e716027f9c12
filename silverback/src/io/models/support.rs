//! A connection on a pipe that works under loom, and the peer at its other end.

use std::{
    io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use loom::{
    future::block_on,
    sync::{Condvar, Mutex, MutexGuard},
    thread,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Builder,
};

use super::sync::end_runtime;
use crate::{conn::Conn, io::settings::Settings};
use silverback_proto::{Config, Negotiated, Role};

/// Runs a conversation in every order that loom finds. Time is paused.
pub(super) fn check(conversation: impl Fn() + Sync + Send + 'static) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _entered = runtime.enter();
    loom::model(move || {
        conversation();
        end_runtime();
    });
}

/// Returns the server's side of a connection. Its transport takes `room` bytes before the peer must read.
pub(super) fn server(room: usize, early: &[u8], change: impl FnOnce(Config) -> Config) -> (Conn, Peer) {
    let (pipe, peer) = pipe(room);
    let settings = Settings::default().adjust_config(change);
    let conn = Conn::from_handshake(pipe, Role::Server, Negotiated::default(), early, &settings);
    (conn, peer)
}

/// Runs a future in a new thread of the model.
pub(super) fn task<T: 'static>(future: impl Future<Output = T> + 'static) -> thread::JoinHandle<T> {
    thread::spawn(move || block_on(future))
}

/// Returns a text frame from a server.
pub(super) fn text(text: &str) -> Vec<u8> {
    [&[0x81, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// Returns a text frame from a client. The mask key is zero.
pub(super) fn masked_text(text: &str) -> Vec<u8> {
    [&[0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0], text.as_bytes()].concat()
}

/// A Close frame with code 1000 from a server, and one from a client.
pub(super) const CLOSE: &[u8] = &[0x88, 2, 0x03, 0xE8];
pub(super) const MASKED_CLOSE: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8];

pub(super) fn pipe(room: usize) -> (Pipe, Peer) {
    let state = State { capacity: room, ..State::default() };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
    (Pipe(shared.clone()), Peer(shared))
}

/// The connection's end of the pipe.
#[derive(Debug)]
pub(super) struct Pipe(Arc<Shared>);

/// The peer's end of the pipe.
pub(super) struct Peer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Wakes the peer, which is a thread without tasks.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    capacity: usize,
    to_peer: Vec<u8>,
    writer: Option<Waker>,
    from_peer: Vec<u8>,
    reader: Option<Waker>,
    /// Whether the peer sends no more bytes.
    has_ended: bool,
    is_shut_down: bool,
    is_gone: bool,
}

impl Peer {
    /// Reads exactly these bytes, in any pieces.
    #[track_caller]
    pub(super) fn expect(&self, wire: &[u8]) {
        assert_eq!(self.read(wire.len()), wire);
    }

    /// Reads `count` bytes, in any pieces.
    pub(super) fn read(&self, count: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while read.len() < count {
            let mut state = self.wait_until(|state| !state.to_peer.is_empty());
            let taken = state.to_peer.len().min(count - read.len());
            read.extend(state.to_peer.drain(..taken));
            let writer = state.writer.take();
            drop(state);
            if let Some(writer) = writer {
                writer.wake();
            }
        }
        read
    }

    /// Gives the pipe unlimited room.
    pub(super) fn open(&self) {
        let mut state = self.0.state.lock().unwrap();
        state.capacity = usize::MAX;
        let writer = state.writer.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    pub(super) fn send(&self, wire: &[u8]) {
        self.change(|state| state.from_peer.extend_from_slice(wire));
    }

    pub(super) fn end(&self) {
        self.change(|state| state.has_ended = true);
    }

    /// Waits until the connection has shut down its write side, and checks that it sent nothing before that.
    pub(super) fn expect_shutdown(&self) {
        let state = self.wait_until(|state| state.is_shut_down || state.is_gone);
        assert!(state.is_shut_down && !state.is_gone, "the transport was dropped instead");
        assert_eq!(state.to_peer, b"");
    }

    /// Waits until the connection has dropped the transport, and checks that it sent nothing before that.
    pub(super) fn expect_gone(&self) {
        assert_eq!(self.read_to_end(), b"");
    }

    /// Waits until the connection has dropped the transport. Returns the bytes that it sent.
    pub(super) fn read_to_end(&self) -> Vec<u8> {
        mem::take(&mut self.wait_until(|state| state.is_gone).to_peer)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.state.lock().unwrap();
        change(&mut state);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn wait_until(&self, is_so: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.0.state.lock().unwrap();
        while !is_so(&state) {
            state = self.0.changed.wait(state).unwrap();
        }
        state
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.state.lock().unwrap();
        if state.from_peer.is_empty() && !state.has_ended {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        into.put_slice(&mem::take(&mut state.from_peer));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.state.lock().unwrap();
        let count = bytes.len().min(state.capacity - state.to_peer.len());
        if count == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.to_peer.extend_from_slice(&bytes[..count]);
        drop(state);
        self.0.changed.notify_all();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.state.lock().unwrap().is_shut_down = true;
        self.0.changed.notify_all();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().is_gone = true;
        self.0.changed.notify_all();
    }
}
