//! How WebSockets ended, for the log.

use silverback::{CloseCode, CloseInfo, Initiator};

/// The end of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// [`CloseInfo::initial_code`]
    pub(crate) code: u16,
    pub(crate) side: Side,
}

/// The side that began to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
    /// The connection was lost, or a deadline passed.
    Nobody,
}

impl End {
    pub(crate) fn of(close: Option<&CloseInfo>) -> Self {
        let side = match close.map(|close| close.initiator) {
            Some(Initiator::Local) => Side::Server,
            Some(Initiator::Peer) => Side::Client,
            Some(Initiator::Nobody) | None => Side::Nobody,
        };
        Self { code: close.map_or(CloseCode::ABNORMAL, CloseInfo::initial_code).get(), side }
    }
}

impl Side {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Nobody => "none",
        }
    }
}
