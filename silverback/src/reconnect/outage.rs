//! Why there is no connection, whether that may pass, and what it cost.

use std::{error::Error as StdError, fmt, io, sync::Arc, time::Duration};

use http::StatusCode;
use silverback_proto::{CloseCode, CloseInfo, Initiator, Message, SendError};

use super::{hooks::BoxError, retry_after};
use crate::{
    dial::{DialError, DialStep},
    error::Error,
};

/// The connection broke, or none came about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outage {
    /// Why.
    pub cause: Arc<Disconnect>,
    /// Messages that had been accepted and of which not all bytes had been given to the transport: the server cannot
    /// have got any of them whole. They may be written again, without fear that they come twice. In their order.
    ///
    /// What is not here has left. That it arrived is not said by that: only an answer of the server's says it.
    pub undelivered: Vec<Message>,
    /// Failures since there last was a stable connection, with this one.
    pub failures: u32,
    /// How long is waited before the next attempt; `None` if there will be none.
    pub retry_in: Option<Duration>,
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Disconnect {
    /// An attempt failed.
    Dial(DialError),
    /// A closing handshake was done.
    Closed(CloseInfo),
    /// The connection failed.
    Failed(Error),
    /// A hook of the application's failed, with an error of its own.
    Hook(BoxError),
    /// A hook of the application's took too long.
    HookTimeout(Duration),
}

impl Disconnect {
    /// Whether another attempt may find the server well again: the default of
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

    /// How long the server asked us to wait (RFC 9110, 10.2.3), as a number of seconds or as a date.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Dial(error) => retry_after::in_headers(&error.refusal()?.headers),
            _ => None,
        }
    }

    /// What a hook has failed with. An error of a connection or of a dial counts as such.
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
        // What a server that is being restarted does, but not a certificate that is wrong.
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

/// What ends with time: the server restarts or is not well, or nothing was said at all.
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
