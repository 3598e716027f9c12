//! What a reconnecting connection cannot do for its application.

use std::{error::Error as StdError, fmt};

use silverback_proto::{Message, UnsendableCode};

use super::Outage;

/// What the application must know or decide.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReconnectError {
    /// The connection broke before these messages had left. That is not the end, unless
    /// [`retry_in`](Outage::retry_in) is `None`: the next call goes on.
    Undelivered(Outage),
    /// The end: there will be no other attempt. Messages that had not left are in it.
    GivenUp(Outage),
    /// Nothing is sent any more, because the connection was closed or given up.
    Closed,
    /// There is no connection, or no room, at the moment. Here the message is back.
    NotNow(Message),
    /// There is no connection to flush: it broke before everything had left, which reads tell, or there was none.
    NotConnected,
    /// A Close frame with a code that must not be sent (RFC 6455, 7.4).
    UnsendableCode(UnsendableCode),
}

impl ReconnectError {
    /// The messages that were accepted and have not left.
    pub fn undelivered(&self) -> &[Message] {
        match self {
            Self::Undelivered(outage) | Self::GivenUp(outage) => &outage.undelivered,
            _ => &[],
        }
    }
}

impl fmt::Display for ReconnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undelivered(outage) => outage.fmt(f),
            Self::GivenUp(outage) => write!(f, "not connected any more: {outage}"),
            Self::Closed => f.write_str("the connection is closed, and does not come back"),
            Self::NotNow(_) => f.write_str("there is no connection, or no room, at the moment"),
            Self::NotConnected => f.write_str("there is no connection"),
            Self::UnsendableCode(error) => error.fmt(f),
        }
    }
}

impl StdError for ReconnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Undelivered(outage) | Self::GivenUp(outage) => Some(outage.cause.as_ref()),
            Self::UnsendableCode(error) => Some(error),
            Self::Closed | Self::NotNow(_) | Self::NotConnected => None,
        }
    }
}

impl From<UnsendableCode> for ReconnectError {
    fn from(error: UnsendableCode) -> Self {
        Self::UnsendableCode(error)
    }
}
