//! The size of a run: nodes, topics and times that several parts share.

use std::time::Duration;

/// The name of a topic on the wire.
pub(crate) fn topic_name(topic: usize) -> String {
    format!("{TOPIC_PREFIX}{topic}")
}

pub(crate) const TOPIC_PREFIX: &str = "load:";
pub(crate) const NODES: usize = 2;
pub(crate) const TOPICS: usize = 20;
/// How long a member stays present without being renewed. Shorter than the default of 30 s, so that ghosts show sooner.
pub(crate) const LEASE: Duration = Duration::from_secs(6);
