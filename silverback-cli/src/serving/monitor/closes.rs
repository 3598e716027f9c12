//! How WebSockets ended, for the log.

use silverback::{CloseCode, CloseInfo, Initiator};

/// The end of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The code of the side that began. 1005 stands for an empty Close frame, 1006 for none.
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
        match close {
            Some(CloseInfo { initiator: Initiator::Local, sent, .. }) => {
                let code = sent.as_ref().map_or(CloseCode::NO_STATUS, |frame| frame.code);
                Self { code: code.get(), side: Side::Server }
            }
            Some(CloseInfo { initiator: Initiator::Peer, code, .. }) => Self { code: code.get(), side: Side::Client },
            _ => Self { code: CloseCode::ABNORMAL.get(), side: Side::Nobody },
        }
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
