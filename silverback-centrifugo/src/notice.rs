//! What a server tells the sessions of clients on all nodes, through the hub's notices.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::protocol::messages::StreamPosition;

/// An order for the sessions of a client. JSON, so that nodes of different versions can work together: unknown fields are
/// ignored, and so are notices that cannot be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Notice {
    Subscribe {
        channel: String,
        /// Seconds since 1970.
        expire_at: Option<u64>,
        /// What the application of the client gets along with it: JSON, or any bytes in base64.
        data: Option<String>,
        recover_since: Option<StreamPosition>,
    },
    Unsubscribe {
        channel: String,
    },
    Refresh {
        /// Ends the connection.
        expired: bool,
        /// Seconds since 1970. `None`: it does not expire any more.
        expire_at: Option<u64>,
    },
}

impl Notice {
    pub(crate) fn encode(&self) -> Bytes {
        // It cannot fail: there are only strings and numbers.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
