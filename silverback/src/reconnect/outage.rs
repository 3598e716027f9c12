//! The cause of an outage, whether it may be temporary, and which messages were not sent.

use std::{error::Error as StdError, fmt, io, sync::Arc, time::Duration};

use http::StatusCode;
use silverback_proto::{CloseCode, CloseInfo, Initiator, Message, SendError};

use super::{hooks::BoxError, retry_after};
use crate::{
    dial::{DialError, DialStep},
    error::Error,
};

/// A connection that broke, or an attempt that failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outage {
    /// The cause.
    pub cause: Arc<Disconnect>,
    /// Messages that were accepted, but whose bytes were not all given to the transport, in their order. The server
    /// cannot have received any of them whole, so they can be written again without arriving twice.
    ///
    /// All other accepted messages have left. That does not mean that they arrived: only a reply of the server shows
    /// that.
    pub undelivered: Vec<Message>,
    /// Failures since the last stable connection, including this one.
    pub failures: u32,
    /// The wait before the next attempt, or `None` if there will be none.
    pub retry_in: Option<Duration>,
}

/// The cause of an outage.
#[derive(Debug)]
#[non_exhaustive]
pub enum Disconnect {
    /// A dial failed.
    Dial(DialError),
    /// The connection ended with a closing handshake.
    Closed(CloseInfo),
    /// The connection failed.
    Failed(Error),
    /// A hook of the application failed with an error that is neither an [`Error`] nor a [`DialError`].
    Hook(BoxError),
    /// A hook of the application took longer than this.
    HookTimeout(Duration),
}

impl Disconnect {
    /// Returns whether the cause may be temporary, so that another attempt may succeed. This is the default of
    /// [`Reconnect::retry_on`](super::Reconnect::retry_on), whose documentation has the list.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Dial(error) => dial_may_pass(error),
            Self::Closed(info) => info.initiator != Initiator::Local && PASSING.contains(&info.code),
            Self::Failed(error) => may_pass(error),
            Self::Hook(_) => false,
            Self::HookTimeout(_) => true,
        }
    }

    /// Returns how long the server asked us to wait (RFC 9110, 10.2.3), as a number of seconds or as a date.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Dial(error) => retry_after::in_headers(&error.refusal()?.headers),
            _ => None,
        }
    }

    /// Converts the error of a hook. An error of a connection or a dial counts as if it had occurred outside of the
    /// hook.
    pub(super) fn from_hook(error: BoxError) -> Self {
        match error.downcast::<Error>().map(|error| *error) {
            Ok(Error::Dial(error)) => Self::Dial(*error),
            Ok(error) => Self::Failed(error),
            Err(error) => match error.downcast::<DialError>() {
                Ok(error) => Self::Dial(*error),
                Err(error) => Self::Hook(error),
            },
        }
    }
}

fn may_pass(error: &Error) -> bool {
    match error {
        Error::Lost | Error::Io(_) | Error::Timeout(_) | Error::Send(SendError::Closing) => true,
        Error::Dial(error) => dial_may_pass(error),
        _ => false,
    }
}

fn dial_may_pass(error: &DialError) -> bool {
    match error {
        // A server that restarts causes these errors; a wrong certificate does not.
        DialError::Io { step: DialStep::Tls, source, .. } => matches!(
            source.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::UnexpectedEof
        ),
        DialError::Io { .. } | DialError::Timeout { .. } => true,
        DialError::Refused { refusal, .. } | DialError::ProxyRefused { refusal, .. } => status_may_pass(refusal.status),
        _ => false,
    }
}

fn status_may_pass(status: StatusCode) -> bool {
    match status.as_u16() {
        408 | 425 | 429 => true,
        501 | 505 => false,
        status => status >= 500,
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(error) => error.fmt(f),
            Self::Closed(info) if info.reason.is_empty() => {
                write!(f, "the server closed the connection with {}", info.code)
            }
            Self::Closed(info) => {
                write!(f, "the server closed the connection with {}: {}", info.code, info.reason.escape_debug())
            }
            Self::Failed(error) => error.fmt(f),
            Self::Hook(error) => error.fmt(f),
            Self::HookTimeout(time) => write!(f, "setting up the connection took longer than {time:?}"),
        }
    }
}

impl StdError for Disconnect {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Dial(error) => Some(error),
            Self::Failed(error) => Some(error),
            Self::Hook(error) => Some(error.as_ref()),
            Self::Closed(_) | Self::HookTimeout(_) => None,
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        match self.undelivered.len() {
            0 => {}
            1 => f.write_str("; 1 message was not sent")?,
            count => write!(f, "; {count} messages were not sent")?,
        }
        match self.retry_in {
            Some(wait) => write!(f, "; connecting again in {wait:.1?}"),
            None => Ok(()),
        }
    }
}

/// Codes with a temporary cause: the server restarts or has a problem, or it sent no Close frame.
const PASSING: [CloseCode; 6] = [
    CloseCode::GOING_AWAY,
    CloseCode::ABNORMAL,
    CloseCode::INTERNAL_ERROR,
    CloseCode::SERVICE_RESTART,
    CloseCode::TRY_AGAIN_LATER,
    CloseCode::BAD_GATEWAY,
];

#[cfg(test)]
#[path = "outage_tests.rs"]
mod tests;
