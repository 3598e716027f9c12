//! A figure that takes long to find. It is kept for a second, so that many readers of metrics cost one look.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The figure of the last look.
#[derive(Debug)]
pub(crate) struct Kept<T>(Mutex<Option<(Instant, T)>>);

impl<T: Copy> Kept<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Returns the figure, and looks for it if it is too old. Readers that come meanwhile wait for it.
    pub(super) fn get(&self, look: impl FnOnce() -> T) -> T {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, figure)) = kept.filter(|(at, _)| at.elapsed() < FOR) {
            return figure;
        }
        let figure = look();
        *kept = Some((Instant::now(), figure));
        figure
    }
}

impl<T: Copy> Default for Kept<T> {
    fn default() -> Self {
        Self::new()
    }
}

const FOR: Duration = Duration::from_secs(1);
