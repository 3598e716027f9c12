//! What the engine asks of the broker.

use std::time::Duration;

/// Where the broker keeps histories and ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Storage {
    /// On disk: they survive a restart of the broker.
    #[default]
    File,
    /// In memory: after a restart of the broker all positions begin again, and members are told.
    Memory,
}

/// The settings of the streams.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) has_jetstream: bool,
    pub(crate) storage: Storage,
    pub(crate) replicas: usize,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) position_age: Duration,
    pub(crate) id_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            has_jetstream: true,
            storage: Storage::File,
            replicas: 1,
            max_bytes: None,
            position_age: Duration::from_secs(24 * 60 * 60),
            id_age: Duration::from_secs(300),
        }
    }
}
