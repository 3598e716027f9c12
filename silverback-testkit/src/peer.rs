//! The scripted peer of a sans-I/O endpoint.
//!
//! ```
//! use silverback_testkit::peer::{Endpoint, Peer};
//! use silverback_testkit::wire::{decode, ping, pong};
//!
//! /// Answers pings, a server's way. A test implements this for its connection.
//! #[derive(Default)]
//! struct Answering(Vec<u8>);
//!
//! impl Endpoint for Answering {
//!     fn input(&mut self, bytes: &[u8]) {
//!         let (ping, _) = decode(bytes).expect("a whole frame");
//!         self.0 = pong(ping.payload).encode();
//!     }
//!     fn output(&mut self) -> Vec<u8> {
//!         std::mem::take(&mut self.0)
//!     }
//! }
//!
//! let mut peer = Peer::client(Answering::default());
//! peer.send(ping("?"));
//! peer.expect(pong("?"));
//! peer.expect_nothing();
//! ```

use crate::wire::{CLIENT_KEY, Frame, decode, to_hex};

/// The endpoint under test: bytes in, bytes out.
pub trait Endpoint {
    /// Takes bytes that arrived.
    fn input(&mut self, bytes: &[u8]);

    /// Returns all bytes that it wants to send now, possibly none.
    fn output(&mut self) -> Vec<u8>;
}

impl<E: Endpoint + ?Sized> Endpoint for &mut E {
    fn input(&mut self, bytes: &[u8]) {
        (**self).input(bytes);
    }

    fn output(&mut self) -> Vec<u8> {
        (**self).output()
    }
}

/// The other side of a conversation, driven by the test.
#[derive(Debug)]
pub struct Peer<E> {
    endpoint: E,
    side: Side,
    /// Output of the endpoint that the test has not checked yet.
    received: Vec<u8>,
    last: Option<Frame>,
}

impl<E: Endpoint> Peer<E> {
    /// Plays the client: masks its frames, and expects unmasked ones.
    pub fn client(endpoint: E) -> Self {
        Self::new(endpoint, Side::Client)
    }

    /// Plays the server: does not mask its frames, and expects masked ones.
    pub fn server(endpoint: E) -> Self {
        Self::new(endpoint, Side::Server)
    }

    fn new(endpoint: E, side: Side) -> Self {
        Self { endpoint, side, received: Vec::new(), last: None }
    }

    /// Returns the endpoint, to act as its application.
    pub fn endpoint(&mut self) -> &mut E {
        &mut self.endpoint
    }

    /// Sends a frame. A client masks it unless the frame has a key already. To send an unmasked frame from a client,
    /// use `send_bytes(frame.encode())`.
    #[track_caller]
    pub fn send(&mut self, frame: Frame) {
        let wire = self.side.dress(frame).encode();
        self.send_bytes(wire);
    }

    /// Sends raw bytes in one piece.
    #[track_caller]
    pub fn send_bytes(&mut self, bytes: impl AsRef<[u8]>) {
        self.endpoint.input(bytes.as_ref());
    }

    /// Sends raw bytes in two pieces.
    ///
    /// # Panics
    /// If `at` is beyond the end of `bytes`.
    #[track_caller]
    pub fn send_cut(&mut self, bytes: impl AsRef<[u8]>, at: usize) {
        let (first, second) = bytes.as_ref().split_at(at);
        self.endpoint.input(first);
        self.endpoint.input(second);
    }

    /// Returns the next complete frame from the endpoint, as it was on the wire.
    pub fn receive(&mut self) -> Option<Frame> {
        self.received.extend(self.endpoint.output());
        let (frame, used) = decode(&self.received)?;
        self.received.drain(..used);
        self.last = Some(frame.clone());
        Some(frame)
    }

    /// Expects this frame next from the endpoint, with any mask key. The role of the peer decides whether it must be
    /// masked.
    ///
    /// # Panics
    /// If another frame or none arrives. The message shows both frames.
    #[track_caller]
    pub fn expect(&mut self, expected: Frame) {
        let seen = self.receive();
        if let Err(difference) = Side::compare(Some(self.side), &expected, seen.as_ref()) {
            panic!("{difference}");
        }
    }

    /// Expects that the endpoint has sent nothing more.
    ///
    /// # Panics
    /// If it has sent anything, even only the start of a frame.
    #[track_caller]
    pub fn expect_nothing(&mut self) {
        if let Some(frame) = self.receive() {
            panic!("expected nothing\n     got {frame:?}");
        }
        let rest = to_hex(&self.received);
        assert!(rest.is_empty(), "expected nothing\n     got the beginning of a frame: {rest}");
    }

    /// Expects that the last received frame was masked, or not.
    ///
    /// # Panics
    /// If the last frame differs, or if none was received yet.
    #[track_caller]
    pub fn expect_masked(&self, masked: bool) {
        let Some(last) = &self.last else {
            panic!("no frame was received that could be masked");
        };
        let wanted = if masked { "masked" } else { "unmasked" };
        assert_eq!(last.mask.is_some(), masked, "expected {wanted}\n     got {last:?}");
    }
}

/// The role that the test plays, which decides who masks (RFC 6455, 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    /// Returns the frame as this side sends it.
    pub(crate) fn dress(self, mut frame: Frame) -> Frame {
        if self == Self::Client {
            frame.mask.get_or_insert(CLIENT_KEY);
        }
        frame
    }

    /// Describes how a received frame differs from the expected one. The mask key never matters. Whether there is one
    /// matters only if the test plays a role.
    pub(crate) fn compare(side: Option<Self>, expected: &Frame, seen: Option<&Frame>) -> Result<(), String> {
        let Some(seen) = seen else {
            return Err(format!("expected {expected:?}\n     got nothing"));
        };
        if seen.clone().unmasked() != expected.clone().unmasked() {
            return Err(format!("expected {expected:?}\n     got {seen:?}"));
        }
        match (side, seen.mask) {
            (Some(Self::Client), Some(_)) => Err(format!("a server masked {seen:?}")),
            (Some(Self::Server), None) => Err(format!("a client did not mask {seen:?}")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
