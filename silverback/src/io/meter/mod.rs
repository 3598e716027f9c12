//! What connections and handshakes report to the recorder of the crate `metrics`.
//!
//! With the feature `metrics` this is `reporting`, and without it `nothing`: types without size whose methods do
//! nothing, so that a connection pays neither memory nor instructions.
//!
//! A message touches only counters of its own connection. They are added to those of the recorder after each write, and
//! when the reader waits. So a burst of messages costs a few atomic additions, and the figures are exact whenever a
//! connection is quiet.

#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(not(feature = "metrics"))]
mod nothing;
#[cfg(feature = "metrics")]
mod reporting;

use silverback_proto::{CloseCode, CloseInfo, Initiator, Role};

#[cfg(not(feature = "metrics"))]
pub(crate) use self::nothing::{Begun, Meter, Metering, ReaderTally, Tally};
#[cfg(feature = "metrics")]
pub(crate) use self::reporting::{Begun, Meter, Metering, ReaderTally, Tally};

pub(crate) fn role_label(role: Role) -> &'static str {
    match role {
        Role::Server => "server",
        Role::Client => "client",
    }
}

pub(crate) fn version_label(version: Option<http::Version>) -> &'static str {
    match version {
        Some(http::Version::HTTP_3) => "3",
        Some(http::Version::HTTP_2) => "2",
        Some(_) => "1.1",
        None => "other",
    }
}

/// Returns the code and the side that began to close.
pub(crate) fn end_of(role: Role, close: Option<&CloseInfo>) -> (CloseCode, &'static str) {
    let (own, other) = match role {
        Role::Server => ("server", "client"),
        Role::Client => ("client", "server"),
    };
    let side = match close.map(|close| close.initiator) {
        Some(Initiator::Local) => own,
        Some(Initiator::Peer) => other,
        Some(Initiator::Nobody) | None => "none",
    };
    (close.map_or(CloseCode::ABNORMAL, CloseInfo::initial_code), side)
}
