//! The knowledge that both halves of a stream need.

use std::sync::{Arc, atomic::AtomicBool};

use super::link::Link;

/// What the halves of one stream share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) link: Arc<Link>,
    /// Whether our side has ended cleanly.
    pub(super) is_finished: AtomicBool,
}
