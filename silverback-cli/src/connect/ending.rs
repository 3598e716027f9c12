//! Why it ended, what that means for the exit code, and whether to try again.

use std::{io, time::Duration};

use http::header::RETRY_AFTER;
use silverback::{CloseCode, CloseInfo, DialError, DialStep, Error, Timeout};

use crate::{dialing::trouble_of, trouble::Trouble};

/// Why it ended.
#[derive(Debug)]
pub(crate) enum End {
    /// There was nothing more to do here.
    Done,
    /// What was waited for did not come in this time.
    Silence(Duration),
    /// The peer closed the connection.
    Peer(CloseInfo),
    /// The connection failed.
    Failed(Error),
    /// There was none.
    Undialled(DialError),
    /// A signal, or Ctrl-C at the prompt; the exit code.
    Signal(u8),
    /// What is written cannot be.
    Output(io::Error),
    /// The input cannot be used.
    Input(Trouble),
}

/// What was left undone when it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Undone {
    /// The messages of `--count` and `--until` did not all come.
    pub(crate) misses_messages: bool,
    /// Messages that were to be sent and were not.
    pub(crate) unsent: usize,
}

impl End {
    /// Nothing, or the trouble and with it the exit code.
    pub(crate) fn outcome(self, undone: Undone) -> Result<(), Trouble> {
        match self {
            Self::Done => Ok(()),
            Self::Silence(time) => Err(Trouble::Timeout(format!("what was waited for did not come within {time:?}"))),
            Self::Peer(info) => closed(&info, undone),
            Self::Failed(error) => Err(failed(error)),
            Self::Undialled(error) => Err(trouble_of(&error)),
            Self::Signal(code) => Err(Trouble::Signal(code)),
            // Whoever reads has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Self::Output(error) => Err(Trouble::System(format!("cannot write to standard output: {error}"))),
            Self::Input(trouble) => Err(trouble),
        }
    }

    /// Whether another attempt may find the server well again.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Peer(info) => PASSING.contains(&info.code),
            Self::Failed(error) => {
                matches!(error, Error::Lost | Error::Io(_) | Error::Timeout(Timeout::Pong(_) | Timeout::WriteStall(_)))
            }
            Self::Undialled(error) => match error {
                DialError::Io { step, .. } => *step != DialStep::Tls,
                DialError::Timeout { .. } => true,
                DialError::Refused(refusal) => refusal.status.is_server_error() || refusal.status.as_u16() == 429,
                _ => false,
            },
            _ => false,
        }
    }

    /// How long the server asks us to wait, in seconds (RFC 9110, 10.2.3); a date is not understood.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let Self::Undialled(error) = self else { return None };
        let value = error.refusal()?.headers.get(RETRY_AFTER)?;
        value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
    }

    /// In words, for a person who is told that it is tried again.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Peer(info) => closed_words(info),
            Self::Failed(error) => error.to_string(),
            Self::Undialled(error) => trouble_of(error).to_string(),
            _ => "ended".to_owned(),
        }
    }
}

fn closed(info: &CloseInfo, undone: Undone) -> Result<(), Trouble> {
    let text = closed_words(info);
    if !IN_ORDER.contains(&info.code) {
        return Err(Trouble::Closed(text));
    }
    match undone {
        Undone { unsent: count @ 1.., .. } => Err(Trouble::Closed(format!("{text}; {count} messages were not sent"))),
        Undone { misses_messages: true, .. } => {
            Err(Trouble::Closed(format!("{text}, before what was waited for had come")))
        }
        _ => Ok(()),
    }
}

fn closed_words(info: &CloseInfo) -> String {
    let mut text = format!("the server closed the connection with {}", info.code);
    if !info.reason.is_empty() {
        text.push_str(&format!(": {}", info.reason.escape_debug()));
    }
    text
}

fn failed(error: Error) -> Trouble {
    let text = error.to_string();
    match error {
        error if error.is_timeout() => Trouble::Timeout(text),
        Error::Protocol(_) | Error::Limit(_) => Trouble::Protocol(text),
        _ => Trouble::Closed(format!("the connection was lost: {text}")),
    }
}

/// A server that says no more than this has done nothing wrong.
const IN_ORDER: [CloseCode; 3] = [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NO_STATUS];
/// What ends with time: the server restarts, or is not well.
const PASSING: [CloseCode; 6] = [
    CloseCode::GOING_AWAY,
    CloseCode::ABNORMAL,
    CloseCode::INTERNAL_ERROR,
    CloseCode::SERVICE_RESTART,
    CloseCode::TRY_AGAIN_LATER,
    CloseCode::BAD_GATEWAY,
];

#[cfg(test)]
#[path = "ending_tests.rs"]
mod tests;
