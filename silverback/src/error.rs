//! The one error type for applications, with methods that classify an error.

use std::{fmt, io};

use silverback_proto::{CloseCode, ConnectionError, LimitError, ProtocolError, SendError, Timeout, UnsendableCode};

#[cfg(feature = "json")]
use crate::adapters::json::error::JsonError;
#[cfg(feature = "blocking")]
use crate::blocking::error::WaitError;
use crate::{dial::error::DialError, upgrade::error::UpgradeError};

/// The reason why an operation failed. A close by the peer is not an error.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke the protocol. Our Close frame told it with 1002 or 1007.
    Protocol(ProtocolError),
    /// The peer exceeded a limit. Our Close frame told it with 1009, 1008 or 1013.
    Limit(LimitError),
    /// The peer was too slow or is gone.
    Timeout(Timeout),
    /// The transport ended without a closing handshake (1006), because the peer or something between went away.
    Lost,
    /// The transport failed.
    Io(io::Error),
    /// A message was not accepted for sending. The connection is as it was.
    Send(SendError),
    /// A Close frame with a code that must not be sent (RFC 6455, 7.4). The connection is as it was.
    UnsendableCode(UnsendableCode),
    /// A message is not JSON of the requested type, or JSON cannot represent a value. The connection is as it was.
    #[cfg(feature = "json")]
    Json(Box<JsonError>),
    /// The opening handshake failed on the server's side.
    Upgrade(Box<UpgradeError>),
    /// The opening handshake, or a step before it, failed on the client's side.
    Dial(Box<DialError>),
    /// A blocking call has waited for its time limit, or was made where it must not wait. The connection is as it was.
    #[cfg(feature = "blocking")]
    Wait(WaitError),
}

impl Error {
    /// Returns the close code that the peer was told, if the peer was at fault.
    pub fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Protocol(error) => Some(error.close_code()),
            Self::Limit(error) => Some(error.close_code()),
            _ => None,
        }
    }

    /// Returns whether the connection ended without a fault of the peer, because the peer or the network went away. In
    /// a log this deserves a debug line at most.
    pub fn is_disconnect(&self) -> bool {
        match self {
            Self::Lost | Self::Timeout(_) | Self::Send(SendError::Closing) => true,
            Self::Io(error) => matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkDown
                    | io::ErrorKind::NetworkUnreachable
                    | io::ErrorKind::NotConnected
                    | io::ErrorKind::TimedOut
                    | io::ErrorKind::UnexpectedEof
            ),
            _ => false,
        }
    }

    /// Returns whether the peer broke the protocol or exceeded a limit. Our Close frame told it with
    /// [`close_code`](Self::close_code). A peer that is slow or gone is not at fault. A Close frame is not an error at
    /// all; [`CloseInfo`](crate::CloseInfo) has its code and reason.
    pub fn is_peer_fault(&self) -> bool {
        matches!(self, Self::Protocol(_) | Self::Limit(_))
    }

    /// Returns whether a timeout expired.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout(_) => true,
            Self::Io(error) => error.kind() == io::ErrorKind::TimedOut,
            Self::Upgrade(error) => error.is_timeout(),
            Self::Dial(error) => error.is_timeout(),
            #[cfg(feature = "blocking")]
            Self::Wait(error) => matches!(error, WaitError::TimedOut(_)),
            _ => false,
        }
    }

    /// Returns whether nothing more can be sent because the connection is closing.
    pub fn is_closing(&self) -> bool {
        matches!(self, Self::Send(SendError::Closing))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => write!(f, "the peer broke the protocol: {error}"),
            Self::Limit(error) => error.fmt(f),
            Self::Timeout(error) => error.fmt(f),
            Self::Lost => ConnectionError::Lost.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::UnsendableCode(error) => error.fmt(f),
            #[cfg(feature = "json")]
            Self::Json(error) => error.fmt(f),
            Self::Upgrade(error) => error.fmt(f),
            Self::Dial(error) => error.fmt(f),
            #[cfg(feature = "blocking")]
            Self::Wait(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Protocol(error) => Some(error),
            Self::Limit(error) => Some(error),
            Self::Timeout(error) => Some(error),
            Self::Lost => None,
            Self::Io(error) => Some(error),
            Self::Send(error) => Some(error),
            Self::UnsendableCode(error) => Some(error),
            #[cfg(feature = "json")]
            Self::Json(error) => Some(error),
            Self::Upgrade(error) => Some(error),
            Self::Dial(error) => Some(error),
            #[cfg(feature = "blocking")]
            Self::Wait(error) => Some(error),
        }
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Protocol(error) => Self::Protocol(error),
            ConnectionError::Limit(error) => Self::Limit(error),
            ConnectionError::Timeout(error) => Self::Timeout(error),
            // `Lost`, and any variant of a later version that is not the peer's fault.
            _ => Self::Lost,
        }
    }
}

/// For [`Message::into_text`](crate::Message::into_text) of a binary message that does not hold UTF-8.
impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<UnsendableCode> for Error {
    fn from(error: UnsendableCode) -> Self {
        Self::UnsendableCode(error)
    }
}

#[cfg(feature = "json")]
impl From<JsonError> for Error {
    fn from(error: JsonError) -> Self {
        Self::Json(Box::new(error))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<UpgradeError> for Error {
    fn from(error: UpgradeError) -> Self {
        Self::Upgrade(Box::new(error))
    }
}

impl From<DialError> for Error {
    fn from(error: DialError) -> Self {
        Self::Dial(Box::new(error))
    }
}

impl From<DialError> for io::Error {
    fn from(error: DialError) -> Self {
        Error::from(error).into()
    }
}

impl From<UpgradeError> for io::Error {
    fn from(error: UpgradeError) -> Self {
        Error::from(error).into()
    }
}

/// For `AsyncRead` and `AsyncWrite`, whose errors are `io::Error`s.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            Error::Lost => Self::new(io::ErrorKind::UnexpectedEof, error),
            Error::Timeout(_) => Self::new(io::ErrorKind::TimedOut, error),
            Error::Protocol(_) | Error::Limit(_) => Self::new(io::ErrorKind::InvalidData, error),
            #[cfg(feature = "json")]
            Error::Json(_) => Self::new(io::ErrorKind::InvalidData, error),
            Error::Send(SendError::Closing) => Self::new(io::ErrorKind::BrokenPipe, error),
            // The same kind as for sockets of the standard library. Unlike after `TimedOut`, the call can be made
            // again.
            #[cfg(feature = "blocking")]
            Error::Wait(WaitError::TimedOut(_)) => Self::new(io::ErrorKind::WouldBlock, error),
            #[cfg(feature = "blocking")]
            Error::Wait(WaitError::InTask) => Self::new(io::ErrorKind::Deadlock, error),
            error => Self::other(error),
        }
    }
}
