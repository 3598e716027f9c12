//! Why it ended, and what that means for the exit code.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use silverback::{CloseCode, CloseInfo, Initiator, reconnect::Disconnect};

use crate::{
    dialing::errors::{dial_error, dial_error_with_advice},
    error::Error,
    printable::printable,
};

/// Why it ended.
#[derive(Debug)]
pub(crate) enum End {
    /// There was nothing more to do here.
    Done,
    /// `--count` or `--until` was not met within this time.
    Silence(Duration),
    /// The peer closed the connection.
    Peer(CloseInfo),
    /// `/close` asked for it; how it closed, in words.
    Asked(String),
    /// Dialing the server of this URL failed, and the client will not try again.
    GivenUp { cause: Arc<Disconnect>, url: String },
    /// A signal, or Ctrl-C at the prompt; the exit code.
    Signal(u8),
    /// Standard output failed.
    Output(io::Error),
    /// The file of `--record` cannot be written.
    Recording { path: PathBuf, error: io::Error },
    /// A message differs from the recording (`--expect`).
    Different(String),
    /// The input cannot be used.
    Input(Error),
}

/// Work that was left undone at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Undone {
    /// Which of `--count` and `--until` was not met.
    pub(crate) missing: Option<String>,
    /// Messages that were to be sent and were not.
    pub(crate) unsent: usize,
}

impl End {
    /// Returns the error, which has the exit code, if the end is one.
    pub(crate) fn outcome(self, undone: Undone) -> Result<(), Error> {
        match self {
            Self::Done | Self::Asked(_) => Ok(()),
            Self::Silence(time) => {
                let missing = undone.missing.unwrap_or_default();
                Err(Error::Timeout(format!("{missing}, and nothing more came within {time:?} (see --wait)")))
            }
            Self::Peer(info) => closed(&info, &undone),
            Self::GivenUp { cause, url } => given_up(&cause, &url, &undone),
            Self::Signal(code) => Err(Error::Signal(code)),
            // The reader closed the pipe because it has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Self::Output(error) => Err(Error::System(format!("cannot write to standard output: {error}"))),
            Self::Recording { path, error } => {
                Err(Error::System(format!("cannot write the recording {}: {error}", path.display())))
            }
            Self::Different(text) => Err(Error::Condition(text)),
            Self::Input(error) => Err(error),
        }
    }

    /// In words, for a person who did not ask for it.
    pub(crate) fn words(&self) -> Option<String> {
        match self {
            Self::Peer(info) => Some(closed_words(info)),
            Self::Asked(words) => Some(words.clone()),
            Self::GivenUp { cause, .. } => Some(cause_words(cause)),
            _ => None,
        }
    }
}

/// Describes how a connection closed after `/close`.
pub(crate) fn asked_words(info: &CloseInfo) -> String {
    let sent = info.sent.as_ref().map_or(CloseCode::NO_STATUS, |frame| frame.code).get();
    match (info.initiator, info.code) {
        (Initiator::Local, CloseCode::ABNORMAL) => {
            format!("closed with {sent}; the server ended the connection without a Close frame")
        }
        (Initiator::Local, _) => format!("closed with {sent}; the server answered with {}", frame_words(info)),
        _ => closed_words(info),
    }
}

/// Explains in one line why there is no connection.
pub(crate) fn cause_words(cause: &Disconnect) -> String {
    match cause {
        Disconnect::Dial(error) => dial_error(error).to_string(),
        Disconnect::Closed(info) => closed_words(info),
        cause => cause.to_string(),
    }
}

fn given_up(cause: &Disconnect, url: &str, undone: &Undone) -> Result<(), Error> {
    match cause {
        Disconnect::Closed(info) => closed(info, undone),
        Disconnect::Dial(error) => Err(dial_error_with_advice(error, url)),
        Disconnect::Failed(error) => Err(failed(error, undone)),
        Disconnect::HookTimeout(_) => Err(Error::Timeout(cause.to_string())),
        cause => Err(Error::System(cause.to_string())),
    }
}

fn closed(info: &CloseInfo, undone: &Undone) -> Result<(), Error> {
    let text = closed_words(info) + &undone.words();
    match IN_ORDER.contains(&info.code) {
        true if undone.is_nothing() => Ok(()),
        // The server closed in order, but a condition of `--count` or `--until` was not met.
        true if undone.missing.is_some() => Err(Error::Timeout(text)),
        _ => Err(Error::Closed(text)),
    }
}

fn closed_words(info: &CloseInfo) -> String {
    format!("the server closed the connection with {}", frame_words(info))
}

/// The server's Close frame.
fn frame_words(info: &CloseInfo) -> String {
    match info.reason.is_empty() {
        true => info.code.to_string(),
        false => format!("{}: {}", info.code, printable(&info.reason)),
    }
}

fn failed(error: &silverback::Error, undone: &Undone) -> Error {
    let text = format!("{error}{}", undone.words());
    match error {
        error if error.is_timeout() => Error::Timeout(text),
        silverback::Error::Protocol(_) | silverback::Error::Limit(_) => Error::Protocol(text),
        _ => Error::Closed(format!("the connection was lost: {text}")),
    }
}

impl Undone {
    fn is_nothing(&self) -> bool {
        self.missing.is_none() && self.unsent == 0
    }

    /// What to append to the reason of the end.
    fn words(&self) -> String {
        let mut words = match self.unsent {
            0 => String::new(),
            1 => "; 1 message was not sent".to_owned(),
            count => format!("; {count} messages were not sent"),
        };
        if let Some(missing) = &self.missing {
            words.push_str(&format!("; {missing}"));
        }
        words
    }
}

/// A server that says no more than this has done nothing wrong.
const IN_ORDER: [CloseCode; 3] = [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NO_STATUS];
#[cfg(test)]
#[path = "ending_tests.rs"]
mod tests;
