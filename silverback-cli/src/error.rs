//! Errors of the program: one line on standard error, and an exit code. The codes are a promise (`docs/cli.md`).

use std::{
    fmt::{self, Write as _},
    process::ExitCode,
};

use crate::{diagnostics, printable::printable};

/// Why the program fails, worded for the user.
#[derive(Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "not every build has every command")]
pub(crate) enum Error {
    /// The operating system refused something that no option can change.
    System(String),
    /// An option or a file is not valid.
    Usage(String),
    /// The name has no address, or a connection to the server or through the proxy failed.
    Network(String),
    /// The TLS handshake failed.
    Tls(String),
    /// The server refused the WebSocket handshake.
    Refused(String),
    /// The peer closed with an error code, or the connection was lost.
    Closed(String),
    /// The peer broke the protocol or exceeded a limit.
    Protocol(String),
    /// A step timed out, or an expected message did not arrive.
    Timeout(String),
    /// A `--fail-if` condition matched, or messages differ from those of a recording.
    Condition(String),
    /// A signal ended the program, which prints nothing about it. The exit code is what shells expect: 128 plus the
    /// signal's number.
    Signal(u8),
}

impl Error {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::System(_) => 1,
            Self::Usage(_) => 2,
            Self::Network(_) => 3,
            Self::Tls(_) => 4,
            Self::Refused(_) => 5,
            Self::Closed(_) => 6,
            Self::Protocol(_) => 7,
            Self::Timeout(_) => 8,
            Self::Condition(_) => 9,
            Self::Signal(code) => *code,
        }
    }
}

impl Error {
    /// Changes the words and keeps the exit code.
    pub(crate) fn reworded(self, reword: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::System(text) => Self::System(reword(text)),
            Self::Usage(text) => Self::Usage(reword(text)),
            Self::Network(text) => Self::Network(reword(text)),
            Self::Tls(text) => Self::Tls(reword(text)),
            Self::Refused(text) => Self::Refused(reword(text)),
            Self::Closed(text) => Self::Closed(reword(text)),
            Self::Protocol(text) => Self::Protocol(reword(text)),
            Self::Timeout(text) => Self::Timeout(reword(text)),
            Self::Condition(text) => Self::Condition(reword(text)),
            Self::Signal(code) => Self::Signal(code),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(text)
            | Self::Usage(text)
            | Self::Network(text)
            | Self::Tls(text)
            | Self::Refused(text)
            | Self::Closed(text)
            | Self::Protocol(text)
            | Self::Timeout(text)
            | Self::Condition(text) => f.write_str(text),
            Self::Signal(code) => write!(f, "ended by signal {}", code.saturating_sub(128)),
        }
    }
}

impl std::error::Error for Error {}

/// Queues one line for standard error, and does not wait until it is written.
pub(crate) fn report(what: &impl fmt::Display) {
    // The text may quote bytes of a peer.
    diagnostics::write(&format!("silverback: {}", printable(&what.to_string())));
}

/// The section of a help text about these exit codes.
pub(crate) fn exit_codes(of: &[u8]) -> String {
    let mut text = "Exit codes:".to_owned();
    for (code, when) in EXIT_CODES.iter().filter(|(code, _)| of.contains(code)) {
        let _ = write!(text, "\n  {code:>3}  {when}");
    }
    text
}

/// Every exit code and its meaning.
pub(crate) const EXIT_CODES: [(u8, &str); 13] = [
    (0, "success"),
    (1, "the operating system refused something that no option can change"),
    (2, "usage: an option or a file is not valid; nothing was sent"),
    (3, "network: no address, no connection, or no route through the proxy"),
    (4, "TLS: the handshake failed, or the certificate is not trusted"),
    (5, "the server refused the WebSocket handshake, or closed without an answer"),
    (6, "the server closed with a code other than 1000, 1001 or none, or the connection was lost"),
    (7, "the server broke the protocol, or exceeded a limit"),
    (8, "a step timed out, or `--count`, `--until` or `--expect` was not met"),
    (9, "a `bench --fail-if` condition matched, or messages differ from those that `--expect` asks for"),
    (129, "hung up: SIGHUP"),
    (130, "interrupted: SIGINT, Ctrl-C"),
    (143, "terminated: SIGTERM"),
];
