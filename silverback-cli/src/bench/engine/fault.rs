//! Why connections failed, sorted by cause, so that a summary says more than a number of errors.

use std::{collections::BTreeMap, fmt, io};

use silverback::{CloseCode, DialError, DialStep, Error};

use crate::trouble::Trouble;

/// What brought a connection to its end, or kept it from beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    Usage,
    Resolve,
    ConnectRefused,
    ConnectTimeout,
    Connect,
    /// Our own limit, and no fault of the server's.
    NoDescriptors,
    /// Our own limit too: each source address has some 28,000 ports.
    NoPorts,
    Proxy,
    Tls,
    Refused(u16),
    HandshakeTimeout,
    Handshake,
    Closed(u16),
    Lost,
    Reset,
    Protocol,
    TooLarge,
    Mismatch,
    Timeout,
    Other,
}

/// How often each cause was met, with the words of its first time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(BTreeMap<Cause, Fault>);

/// One cause.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) count: u64,
    pub(crate) example: String,
}

impl Cause {
    pub(crate) fn of_dial(error: &DialError) -> Self {
        match error {
            DialError::Refused(refusal) | DialError::Redirect { refusal, .. } => Self::Refused(refusal.status.as_u16()),
            DialError::ProxyRefused { .. } => Self::Proxy,
            DialError::Io { step, source, .. } => {
                // Of several addresses, the one that the system thinks is the best.
                let first = error.attempts().first().map(|attempt| &*attempt.error);
                Self::of_step(*step, first.unwrap_or(source))
            }
            DialError::Timeout { step: DialStep::Handshake, .. } => Self::HandshakeTimeout,
            DialError::Timeout { .. } => Self::ConnectTimeout,
            error if error.is_misuse() => Self::Usage,
            _ => Self::Handshake,
        }
    }

    fn of_step(step: DialStep, error: &io::Error) -> Self {
        match step {
            DialStep::Resolve => Self::Resolve,
            DialStep::Connect => Self::of_connect(error),
            DialStep::Proxy => Self::Proxy,
            DialStep::Tls => Self::Tls,
            _ => match Self::of_io(error) {
                Self::Other => Self::Handshake,
                cause => cause,
            },
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

    fn of_io(error: &io::Error) -> Self {
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
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Protocol(_) => Self::Protocol,
            Error::Limit(_) => Self::TooLarge,
            Error::Timeout(_) => Self::Timeout,
            Error::Lost => Self::Lost,
            Error::Io(error) => Self::of_io(error),
            Error::Dial(error) => Self::of_dial(error),
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

    /// What the program ends with when no connection came to anything.
    pub(crate) fn trouble(self, words: String) -> Trouble {
        match self {
            Self::NoDescriptors | Self::NoPorts | Self::Other => Trouble::System(words),
            Self::Usage => Trouble::Usage(words),
            Self::Resolve | Self::ConnectRefused | Self::Connect | Self::Proxy => Trouble::Network(words),
            Self::Tls => Trouble::Tls(words),
            Self::Refused(_) | Self::Handshake => Trouble::Refused(words),
            Self::Closed(_) | Self::Lost | Self::Reset => Trouble::Closed(words),
            Self::Protocol | Self::TooLarge | Self::Mismatch => Trouble::Protocol(words),
            Self::ConnectTimeout | Self::HandshakeTimeout | Self::Timeout => Trouble::Timeout(words),
        }
    }

    /// In words for people.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Usage => "cannot be asked for".to_owned(),
            Self::Resolve => "host not found".to_owned(),
            Self::ConnectRefused => "connection refused".to_owned(),
            Self::ConnectTimeout => "no answer to connecting".to_owned(),
            Self::Connect => "cannot connect".to_owned(),
            Self::NoDescriptors => "out of file descriptors here".to_owned(),
            Self::NoPorts => "out of local ports here".to_owned(),
            Self::Proxy => "the proxy refused".to_owned(),
            Self::Tls => "TLS failed".to_owned(),
            Self::Refused(status) => format!("handshake refused with {status}"),
            Self::HandshakeTimeout => "no answer to the handshake".to_owned(),
            Self::Handshake => "wrong answer to the handshake".to_owned(),
            Self::Closed(code) => format!("closed by the server with {code}"),
            Self::Lost => "ended by the server without a Close frame".to_owned(),
            Self::Reset => "reset by the server".to_owned(),
            Self::Protocol => "the server broke the protocol".to_owned(),
            Self::TooLarge => "the server's message was too large".to_owned(),
            Self::Mismatch => "the answer is not what was sent".to_owned(),
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
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::Connect => "connect",
            Self::NoDescriptors => "no_descriptors",
            Self::NoPorts => "no_ports",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Refused(status) => return write!(f, "refused_{status}"),
            Self::HandshakeTimeout => "handshake_timeout",
            Self::Handshake => "handshake",
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

fn is_out_of_descriptors(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        let out = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
        error.raw_os_error().is_some_and(|code| out.iter().any(|errno| errno.raw_os_error() == code))
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
