//! Errors of a reconnecting connection.

use std::{error::Error as StdError, fmt};

use silverback_proto::{Message, UnsendableCode};

use super::Outage;
#[cfg(feature = "json")]
use crate::adapters::json::error::JsonError;

/// The reason why a method failed, for the application to know or to act on.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReconnectError {
    /// The connection broke before these messages had left. The next call continues, unless
    /// [`retry_in`](Outage::retry_in) is `None`.
    Undelivered(Outage),
    /// There will be no other attempt. Contains the messages that had not left.
    GivenUp(Outage),
    /// Nothing more is sent, because the connection was closed or all attempts were given up.
    Closed,
    /// The connection is down, or its output queue is full. The message is returned here.
    NotNow(Message),
    /// The connection was down, or it broke before everything had left. Reads report a broken connection.
    NotConnected,
    /// A Close frame with a code that must not be sent (RFC 6455, 7.4).
    UnsendableCode(UnsendableCode),
    /// A message is not JSON of the requested type, or JSON cannot represent a value.
    #[cfg(feature = "json")]
    Json(Box<JsonError>),
}

impl ReconnectError {
    /// Returns the messages that were accepted but have not left.
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
            Self::NotNow(_) => {
                f.write_str("not connected, or no room in the output queue: wait for a connection or for room")
            }
            Self::NotConnected => f.write_str("not connected"),
            Self::UnsendableCode(error) => error.fmt(f),
            #[cfg(feature = "json")]
            Self::Json(error) => error.fmt(f),
        }
    }
}

impl StdError for ReconnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Undelivered(outage) | Self::GivenUp(outage) => Some(outage.cause.as_ref()),
            Self::UnsendableCode(error) => Some(error),
            #[cfg(feature = "json")]
            Self::Json(error) => Some(error),
            Self::Closed | Self::NotNow(_) | Self::NotConnected => None,
        }
    }
}

impl From<UnsendableCode> for ReconnectError {
    fn from(error: UnsendableCode) -> Self {
        Self::UnsendableCode(error)
    }
}

#[cfg(feature = "json")]
impl From<JsonError> for ReconnectError {
    fn from(error: JsonError) -> Self {
        Self::Json(Box::new(error))
    }
}
