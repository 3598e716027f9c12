//! The knowledge that both halves of a stream need.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::link::Link;

/// What the halves of one stream share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) link: Arc<Link>,
    /// Whether our side has ended cleanly.
    pub(super) is_finished: AtomicBool,
}

impl Shared {
    pub(super) fn new(link: Arc<Link>) -> Self {
        link.streams.fetch_add(1, Ordering::Relaxed);
        Self { link, is_finished: AtomicBool::new(false) }
    }

    /// Whether the connection ends with this stream. Otherwise others use it, or the server or a session keeps it.
    pub(super) fn is_last(&self) -> bool {
        Arc::strong_count(&self.link) == 1
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.link.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
