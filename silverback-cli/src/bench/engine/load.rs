//! A load, complete and validated. It does not depend on the command line.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use silverback::{Dialer, dial::HttpVersion};

use super::script::{Frames, Script};

/// A load on one server.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) target: Target,
    pub(crate) task: Task,
    pub(crate) connections: usize,
    /// Connections opened per second; `None` for as fast as the server answers.
    pub(crate) ramp: Option<f64>,
    /// The source addresses of connections, used in turn. If empty, the system chooses.
    pub(crate) sources: Vec<IpAddr>,
    pub(crate) script: Arc<Script>,
    pub(crate) until: Until,
    /// Messages and handshakes of this first span are not counted.
    pub(crate) warmup: Duration,
    pub(crate) threads: usize,
    /// Compare each answer byte for byte.
    pub(crate) verifies: bool,
    /// For each answer.
    pub(crate) timeout: Duration,
    /// Frames to send over plain TCP to a server that echoes all bytes. `None` for WebSocket.
    pub(crate) raw: Option<Frames>,
    /// The process whose use of resources is reported.
    pub(crate) server: Option<u32>,
}

/// The server to connect to, and the way to connect.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// The path and the query of the URL.
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Addresses to use instead of looking the host up, if there are any.
    pub(crate) given: Vec<SocketAddr>,
    /// Whether there is neither a proxy nor a Unix socket between.
    pub(crate) is_direct: bool,
    /// Whether a TCP connection is all that the handshake needs.
    pub(crate) is_plain: bool,
    pub(crate) version: HttpVersion,
    /// How many WebSockets share a connection over HTTP/2 or HTTP/3.
    pub(crate) streams: usize,
    /// For each step of opening a connection.
    pub(crate) opening: Duration,
    pub(crate) dialer: Dialer,
}

/// The task of the connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Task {
    /// Each sends, and its answers are counted in the order in which they come.
    Echo(Pace),
    /// Some send, and everybody receives.
    Broadcast {
        senders: usize,
        /// Whether a sender receives its own messages.
        hears_itself: bool,
        pace: Pace,
    },
    /// Opened and dropped, again and again, so many at a time.
    Handshakes,
    /// Opened and held, after so many messages over all of them.
    Hold { messages: u64 },
}

/// When the next message is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// When one of those in flight is answered: the server sets the pace.
    Closed { pipeline: u32 },
    /// Sends this many messages per second over all connections, however slowly the server answers.
    Open { rate: f64 },
}

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Until {
    /// After this long, not counting the warm-up.
    Elapsed(Duration),
    /// After this number of messages or handshakes over all connections.
    Done(u64),
}

impl Task {
    pub(crate) fn pace(self) -> Option<Pace> {
        match self {
            Self::Echo(pace) | Self::Broadcast { pace, .. } => Some(pace),
            Self::Handshakes | Self::Hold { .. } => None,
        }
    }

    /// The messages per second that are planned, if they are.
    pub(crate) fn rate(self) -> Option<f64> {
        match self.pace() {
            Some(Pace::Open { rate }) => Some(rate),
            _ => None,
        }
    }
}
