//! Handles that keep a connection open.

use std::{
    ops::Deref,
    sync::{Arc, atomic::Ordering},
};

use super::shared::Shared;

/// The handle of a reader or writer. When the last one is dropped, accepted output is still sent.
#[derive(Debug)]
pub(crate) struct SharedHandle(Arc<Shared>);

impl SharedHandle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        shared.handles.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }

    /// Returns whether both handles are of the same connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Clone for SharedHandle {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl Deref for SharedHandle {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for SharedHandle {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.flush_and_leave();
        }
    }
}
