//! The settings of an engine, with the reason for each default.

use std::time::Duration;

/// What [`RedisBuilder`](crate::RedisBuilder) sets.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) prefix: String,
    pub(crate) position_age: Duration,
    pub(crate) id_age: Duration,
    pub(crate) ping: Duration,
    pub(crate) silence: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) in_flight: usize,
    pub(crate) replay: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: "silverback".to_owned(),
            // A member that was away for a night can prove that it has missed nothing.
            position_age: Duration::from_secs(24 * 60 * 60),
            id_age: Duration::from_secs(300),
            ping: Duration::from_secs(1),
            silence: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(3),
            in_flight: 8 * 1024 * 1024,
            replay: 16 * 1024 * 1024,
        }
    }
}

/// The first wait before the engine connects again.
pub(crate) const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait. Short, because members wait, and one attempt costs little.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Calls that wait for the task of the connections.
pub(crate) const QUEUE: usize = 1024;
/// The largest publication or identity, and the largest list of members.
pub(crate) const LARGEST_PAYLOAD: usize = 32 * 1024 * 1024;
/// Publications in one page of a replay, and the bytes after which a page ends.
pub(crate) const PAGE: (usize, usize) = (128, 1024 * 1024);
