//! A server that does not take WebSockets over HTTP/3.

use http::Version;

use crate::dial::{DialError, DialStep, VersionFault, error::Place};

pub(super) fn unsupported(place: Place<'_>, step: DialStep, fault: VersionFault) -> DialError {
    let (target, peer) = (place.target.to_owned(), place.peer);
    DialError::HttpVersion { step, target, peer, version: Version::HTTP_3, fault }
}
