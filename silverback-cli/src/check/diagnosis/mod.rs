//! What is wrong, in plain words, and what can be done about it. How to reach a server is in `reach`, TLS in `tls`, what
//! the answer says in `status` and `answer`, and what happens after the handshake in `talk`.

mod answer;
mod notes;
mod reach;
mod status;
mod talk;
mod tls;

use silverback::{DialError, DialStep};

pub(super) use self::{notes::notes, talk::of_conversation, tls::certificate_fault};
use super::report::Security;
use crate::dialing::DialOptions;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diagnosis {
    /// For programs: one word that does not change.
    pub(super) cause: &'static str,
    pub(super) meaning: String,
    /// What can be tried, the most likely first.
    pub(super) advice: Vec<String>,
}

/// What is known besides the error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) options: &'a DialOptions,
    /// The server that was asked last, as `host:port`.
    pub(super) place: &'a str,
    pub(super) is_secure: bool,
    /// Path and query of the URL, as they may be shown.
    pub(super) target: &'a str,
    /// TLS with that server, if it has come so far, or if a second look did.
    pub(super) security: Option<&'a Security>,
    /// The server's certificate is among those of `--cacert`.
    pub(super) is_named: bool,
    /// The port speaks TLS though the URL does not, or the other way round.
    pub(super) speaks_the_other: bool,
}

impl Diagnosis {
    fn new(cause: &'static str, meaning: impl Into<String>) -> Self {
        Self { cause, meaning: meaning.into(), advice: Vec::new() }
    }

    /// Adds something to try.
    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    fn advise_if(self, is_so: bool, advice: impl Into<String>) -> Self {
        if is_so { self.advise(advice) } else { self }
    }
}

/// Why a dial came to nothing.
pub(super) fn of_dial(error: &DialError, facts: &Facts<'_>) -> Diagnosis {
    if facts.speaks_the_other {
        return other_protocol(facts);
    }
    match error {
        DialError::ProxyRefused { proxy, refusal, .. } => reach::proxy_refused(proxy, refusal),
        DialError::Refused { refusal, .. } => status::refused(refusal, facts),
        DialError::Redirect { fault, refusal, .. } => status::redirect(*fault, refusal),
        DialError::Answer { error, .. } => answer::wrong(error),
        DialError::Head { error, .. } => answer::no_http(error),
        DialError::TooManyInterim { .. } => answer::only_interim(),
        error => match error.step() {
            Some(DialStep::Tls) => tls::failed(error, facts),
            Some(DialStep::Handshake) => answer::none(error, facts),
            _ => reach::failed(error, facts),
        },
    }
}

fn other_protocol(facts: &Facts<'_>) -> Diagnosis {
    let place = facts.place;
    match facts.is_secure {
        true => Diagnosis::new("plain-on-tls-url", format!("{place} speaks plain HTTP, and no TLS."))
            .advise(format!("Use ws://{place}{}, or the port on which the server speaks TLS.", facts.target)),
        false => Diagnosis::new("tls-on-plain-url", format!("{place} speaks TLS, and the URL says that it does not."))
            .advise(format!("Use wss://{place}{}.", facts.target)),
    }
}
