//! Why connections failed, sorted by cause, so that a summary says more than a number of errors.

use std::{collections::BTreeMap, fmt, io};

use silverback::{CloseCode, DialError, dial::DialStep};

use crate::{
    dialing::errors::{connecting, dial_error, is_out_of_descriptors},
    error::Error,
};

/// The reason why a connection ended, or failed to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    Usage,
    Resolve,
    ResolveTimeout,
    ConnectRefused,
    ConnectTimeout,
    Connect,
    /// Our own limit, and no fault of the server's.
    NoDescriptors,
    /// Our own limit too: each source address has some 28,000 ports.
    NoPorts,
    Proxy,
    ProxyTimeout,
    Tls,
    TlsTimeout,
    Refused(u16),
    HandshakeTimeout,
    /// A wrong answer.
    Handshake,
    /// No answer, and no time-out either.
    HandshakeEnded,
    Closed(u16),
    Lost,
    Reset,
    Protocol,
    TooLarge,
    Mismatch,
    Timeout,
    Other,
}

/// The number of faults of each cause, with the text of its first fault.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(BTreeMap<Cause, Fault>);

/// One cause.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) count: u64,
    pub(crate) example: String,
}

impl Cause {
    /// The same that `connect` and `check` end with, told apart further.
    pub(crate) fn of_dial(error: &DialError) -> Self {
        if let Some(error) = connecting(error) {
            return Self::of_connect(error);
        }
        match (dial_error(error), error.step()) {
            (Error::Usage(_), _) => Self::Usage,
            (Error::Timeout(_), step) => Self::of_timeout(step),
            (Error::Tls(_), _) => Self::Tls,
            (Error::Protocol(_), _) => Self::Handshake,
            (Error::Network(_), Some(DialStep::Resolve)) => Self::Resolve,
            (Error::Network(_), Some(DialStep::Proxy)) => Self::Proxy,
            (Error::Network(_), _) => Self::Connect,
            _ => error.refusal().map_or(Self::HandshakeEnded, |refusal| Self::Refused(refusal.status.as_u16())),
        }
    }

    fn of_timeout(step: Option<DialStep>) -> Self {
        match step {
            Some(DialStep::Resolve) => Self::ResolveTimeout,
            Some(DialStep::Connect) => Self::ConnectTimeout,
            Some(DialStep::Proxy) => Self::ProxyTimeout,
            Some(DialStep::Tls) => Self::TlsTimeout,
            _ => Self::HandshakeTimeout,
        }
    }

    /// A failure to connect a socket.
    pub(crate) fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            _ if is_out_of_descriptors(error) => Self::NoDescriptors,
            io::ErrorKind::ConnectionRefused => Self::ConnectRefused,
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Self::NoPorts,
            _ => Self::Connect,
        }
    }

    pub(super) fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                Self::Reset
            }
            io::ErrorKind::UnexpectedEof => Self::Lost,
            io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Other,
        }
    }

    /// The end of a connection that was open.
    pub(crate) fn of(error: &silverback::Error) -> Self {
        match error {
            silverback::Error::Protocol(_) => Self::Protocol,
            silverback::Error::Limit(_) => Self::TooLarge,
            silverback::Error::Timeout(_) => Self::Timeout,
            silverback::Error::Lost => Self::Lost,
            silverback::Error::Io(error) => Self::of_io(error),
            silverback::Error::Dial(error) => Self::of_dial(error),
            _ => Self::Other,
        }
    }

    pub(crate) fn of_close(code: CloseCode) -> Self {
        match code.get() {
            // 7.4.1: 1006 stands for a connection that ended without a Close frame.
            1006 => Self::Lost,
            code => Self::Closed(code),
        }
    }

    /// Returns the program's error for a load in which no connection succeeded.
    pub(crate) fn error(self, words: String) -> Error {
        match self {
            Self::NoDescriptors => Error::System(words),
            Self::Usage => Error::Usage(words),
            Self::Resolve | Self::ConnectRefused | Self::Connect | Self::NoPorts | Self::Proxy => Error::Network(words),
            Self::Tls => Error::Tls(words),
            Self::Refused(_) | Self::HandshakeEnded => Error::Refused(words),
            Self::Closed(_) | Self::Lost | Self::Reset | Self::Other => Error::Closed(words),
            Self::Handshake | Self::Protocol | Self::TooLarge | Self::Mismatch => Error::Protocol(words),
            Self::ResolveTimeout
            | Self::ConnectTimeout
            | Self::ProxyTimeout
            | Self::TlsTimeout
            | Self::HandshakeTimeout
            | Self::Timeout => Error::Timeout(words),
        }
    }

    /// Whether the server was not reached, or not as a WebSocket server.
    pub(crate) fn is_of_dialing(self) -> bool {
        matches!(
            self,
            Self::Resolve
                | Self::ResolveTimeout
                | Self::ConnectRefused
                | Self::ConnectTimeout
                | Self::Connect
                | Self::Proxy
                | Self::ProxyTimeout
                | Self::Tls
                | Self::TlsTimeout
                | Self::Refused(_)
                | Self::Handshake
                | Self::HandshakeTimeout
                | Self::HandshakeEnded
        )
    }

    /// In words for people.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Usage => "the request is not valid".to_owned(),
            Self::Resolve => "host not found".to_owned(),
            Self::ResolveTimeout => "no answer from the name service".to_owned(),
            Self::ConnectRefused => "connection refused".to_owned(),
            Self::ConnectTimeout => "no answer to connecting".to_owned(),
            Self::Connect => "cannot connect".to_owned(),
            Self::NoDescriptors => "out of file descriptors here".to_owned(),
            Self::NoPorts => "out of local ports here".to_owned(),
            Self::Proxy => "the proxy refused".to_owned(),
            Self::ProxyTimeout => "no answer from the proxy".to_owned(),
            Self::Tls => "TLS failed".to_owned(),
            Self::TlsTimeout => "no answer to TLS".to_owned(),
            Self::Refused(status) => format!("handshake refused with {status}"),
            Self::HandshakeTimeout => "no answer to the handshake".to_owned(),
            Self::Handshake => "wrong answer to the handshake".to_owned(),
            Self::HandshakeEnded => "closed instead of answering the handshake".to_owned(),
            Self::Closed(code) => format!("closed by the server with {code}"),
            Self::Lost => "ended by the server without a Close frame".to_owned(),
            Self::Reset => "reset by the server".to_owned(),
            Self::Protocol => "the server broke the protocol".to_owned(),
            Self::TooLarge => "the server's message was too large".to_owned(),
            Self::Mismatch => "the answer differs from its message".to_owned(),
            Self::Timeout => "no answer in time".to_owned(),
            Self::Other => "another error".to_owned(),
        }
    }
}

/// The name of the cause in JSON: stable.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usage => "usage",
            Self::Resolve => "resolve",
            Self::ResolveTimeout => "resolve_timeout",
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::Connect => "connect",
            Self::NoDescriptors => "no_descriptors",
            Self::NoPorts => "no_ports",
            Self::Proxy => "proxy",
            Self::ProxyTimeout => "proxy_timeout",
            Self::Tls => "tls",
            Self::TlsTimeout => "tls_timeout",
            Self::Refused(status) => return write!(f, "refused_{status}"),
            Self::HandshakeTimeout => "handshake_timeout",
            Self::Handshake => "handshake",
            Self::HandshakeEnded => "handshake_ended",
            Self::Closed(code) => return write!(f, "closed_{code}"),
            Self::Lost => "lost",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
            Self::Mismatch => "mismatch",
            Self::Timeout => "timeout",
            Self::Other => "other",
        })
    }
}

impl Faults {
    pub(crate) fn count(&mut self, cause: Cause, words: impl fmt::Display) {
        let fault = self.0.entry(cause).or_insert_with(|| Fault { count: 0, example: words.to_string() });
        fault.count += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (cause, fault) in &other.0 {
            let mine = self.0.entry(*cause).or_insert_with(|| Fault { count: 0, example: fault.example.clone() });
            mine.count += fault.count;
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().map(|fault| fault.count).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Cause, &Fault)> {
        self.0.iter().map(|(cause, fault)| (*cause, fault))
    }

    /// The cause that was met most.
    pub(crate) fn most(&self) -> Option<(Cause, &Fault)> {
        self.iter().max_by_key(|(_, fault)| fault.count)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
