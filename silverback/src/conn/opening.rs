//! The facts of an opening handshake, and the span of `tracing` that has them.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{Version, uri::PathAndQuery};
use silverback_proto::{Negotiated, Role};
use tracing::{
    Span,
    field::{self, Empty},
};

use crate::io::{
    meter::{role_label, version_label},
    transport::ReadSide,
};

/// The facts of an opening handshake.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) role: Role,
    /// That of the handshake's HTTP.
    pub(crate) version: Option<Version>,
    /// The path and query of the request.
    pub(crate) target: Option<PathAndQuery>,
    pub(crate) negotiated: Negotiated,
}

impl Opening {
    /// Makes the span of the connection. Its parent is the current one.
    pub(super) fn span(&self, io: &ReadSide) -> Span {
        let Self { role, version, target, negotiated } = self;
        tracing::debug_span!(
            target: "silverback::conn",
            "connection",
            id = NEXT_ID.fetch_add(1, Ordering::Relaxed),
            role = role_label(*role),
            http = version_label(*version),
            peer = io.peer_addr().map(field::display),
            path = target.as_ref().map(|target| start(target.path())),
            subprotocol = negotiated.subprotocol.as_ref().map(AsRef::<str>::as_ref),
            code = Empty,
            side = Empty,
        )
    }
}

/// The first bytes of a path. A client chooses it, and a subscriber keeps it as long as the connection.
fn start(path: &str) -> &str {
    let end = (0..=MOST_PATH.min(path.len())).rev().find(|&end| path.is_char_boundary(end));
    &path[..end.unwrap_or(0)]
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

const MOST_PATH: usize = 256;
