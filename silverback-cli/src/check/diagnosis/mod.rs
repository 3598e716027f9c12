//! Explains errors in plain words, with advice. `reach` covers connecting, `tls` TLS, `status` and `answer` the
//! response to the handshake, and `talk` the open connection.

mod answer;
pub(crate) mod facts;
pub(crate) mod notes;
mod reach;
mod status;
pub(crate) mod talk;
pub(crate) mod tls;
mod version;

use silverback::{DialError, dial::DialStep};

use self::facts::Facts;
use super::finding::Diagnosis;

/// The reason why a dial failed.
pub(super) fn of_dial(error: &DialError, facts: &Facts<'_>) -> Diagnosis {
    if facts.speaks_the_other {
        return other_protocol(facts);
    }
    match error {
        DialError::ProxyRefused { proxy, refusal, .. } => reach::proxy_refused(proxy, refusal),
        DialError::Refused { refusal, .. } => status::refused(refusal, facts),
        DialError::HttpVersion { version, fault, .. } => version::not_taken(*version, fault),
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
        true => Diagnosis::new("plain-on-tls-url", format!("{place} speaks plain HTTP without TLS."))
            .advise(format!("Use ws://{place}{}, or the port on which the server speaks TLS.", facts.target)),
        false => Diagnosis::new("tls-on-plain-url", format!("{place} speaks TLS, but the URL asks for plain text."))
            .advise(format!("Use wss://{place}{}.", facts.target)),
    }
}
