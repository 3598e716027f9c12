//! What a session holds.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use silverback::Error;
use silverback_hub::Member;
use tokio::time::Instant;

use crate::{
    protocol::{
        codes::Disconnect,
        frame::{Format, encode},
        messages::Reply,
    },
    rate::Bucket,
    server::Shared,
};

/// A client that has connected.
pub(super) struct Session {
    pub(super) server: Arc<Shared>,
    pub(super) member: Member,
    pub(super) format: Format,
    pub(super) subscriptions: HashMap<String, Subscription>,
    pub(super) expires_at: Option<Instant>,
    pub(super) next_ping: Instant,
    pub(super) pong_due: Option<Instant>,
    /// Those that the client may still send.
    pub(super) commands: Bucket,
}

/// Why a session ends.
pub(super) enum End {
    /// The server closes the connection.
    Close(Disconnect),
    /// The connection is gone.
    Gone,
}

impl From<Disconnect> for End {
    fn from(disconnect: Disconnect) -> Self {
        Self::Close(disconnect)
    }
}

impl From<Error> for End {
    fn from(_: Error) -> Self {
        Self::Gone
    }
}

/// A channel that the client is in.
pub(super) struct Subscription {
    /// Whether the others are told when it leaves.
    pub(super) announces: bool,
    /// Whether it is told about the others.
    pub(super) listens: bool,
    pub(super) expires_at: Option<Instant>,
}

impl Session {
    pub(super) async fn send(&self, reply: &Reply) -> Result<(), End> {
        Ok(self.member.writer().write_message(encode(self.format, [reply])).await?)
    }
}

/// Returns when a time of the calendar comes.
pub(super) fn instant(at: SystemTime) -> Instant {
    Instant::now() + at.duration_since(SystemTime::now()).unwrap_or_default().min(FAR)
}

/// Returns the seconds until then, as tokens' lifetimes are told to clients.
pub(super) fn ttl(at: Instant) -> u32 {
    let left = at.saturating_duration_since(Instant::now()).as_secs_f64().ceil();
    (left as u32).max(1)
}

/// Longer than any connection lasts. Later times overflow the clocks of some systems.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
