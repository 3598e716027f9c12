//! Why the program cannot go on, and how it says so: one line on standard error, and an exit code. The codes are part
//! of what the program promises (`docs/cli.md`).

use std::{
    fmt::{self, Write as _},
    process::ExitCode,
};

use crate::{diagnostics, printable::printable};

/// The end of the program, in words for the person who started it.
#[derive(Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each command has its own troubles")]
pub(crate) enum Trouble {
    /// The system refuses something that no option can change.
    System(String),
    /// What was asked for makes no sense.
    Usage(String),
    /// The network does not allow what was asked for: no address, no connection, no way through the proxy.
    Network(String),
    /// No TLS with the server.
    Tls(String),
    /// The server does not do the WebSocket handshake with us.
    Refused(String),
    /// The peer ended the connection otherwise than in order.
    Closed(String),
    /// The peer broke the protocol, or a limit of ours.
    Protocol(String),
    /// Something took too long, or did not come before the end.
    Timeout(String),
    /// Something is so that was asked to be told.
    Condition(String),
    /// A signal ended the program, which has nothing to say about it. The number is what shells expect: 128 and the
    /// signal's.
    Signal(u8),
}

impl Trouble {
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

impl Trouble {
    /// The same trouble in other words.
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

impl fmt::Display for Trouble {
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

impl std::error::Error for Trouble {}

/// Reports it in one line on standard error, and does not wait until it is written.
pub(crate) fn report(what: &impl fmt::Display) {
    // It may quote what a peer has sent.
    diagnostics::write(&format!("silverback: {}", printable(&what.to_string())));
}

/// What a help text says of these exit codes.
pub(crate) fn exit_codes(of: &[u8]) -> String {
    let mut text = "Exit codes:".to_owned();
    for (code, when) in EXIT_CODES.iter().filter(|(code, _)| of.contains(code)) {
        let _ = write!(text, "\n  {code:>3}  {when}");
    }
    text
}

/// Every exit code there is, and when the program ends with it.
pub(crate) const EXIT_CODES: [(u8, &str); 13] = [
    (0, "all went as asked"),
    (1, "the system refuses something that no option can change"),
    (2, "usage: an option or a file makes no sense; nothing was sent"),
    (3, "network: no address, no connection, no way through the proxy"),
    (4, "TLS: no handshake, or a certificate that is not to be believed"),
    (5, "the WebSocket handshake was refused, or ended without an answer"),
    (6, "closed by the server with another code than 1000, 1001 or none, or lost"),
    (7, "the server broke the protocol, or a limit of ours"),
    (8, "a step took too long, or `--count` or `--until` was not met"),
    (9, "a condition of `bench --fail-if` was met"),
    (129, "hung up: SIGHUP"),
    (130, "interrupted: SIGINT, Ctrl-C"),
    (143, "told to end: SIGTERM"),
];
