//! Parts of a connection that belong to the runtime and are held outside of it.

use tokio::runtime::Handle;

use super::wait::enter;

/// A part of a connection. It is used and dropped only inside the runtime, where timers and tasks can be started. If a
/// connection is dropped in the middle of its closing handshake, a task continues the handshake.
#[derive(Debug)]
pub(super) struct Inside<T> {
    runtime: &'static Handle,
    /// `Some` until `drop` takes it.
    part: Option<T>,
}

impl<T> Inside<T> {
    pub(super) fn new(runtime: &'static Handle, part: T) -> Self {
        Self { runtime, part: Some(part) }
    }

    pub(super) fn runtime(&self) -> &'static Handle {
        self.runtime
    }

    /// Returns the part, to be polled by `wait` or for calls that need no runtime.
    #[allow(clippy::expect_used, reason = "only `drop` takes it")]
    pub(super) fn part(&self) -> &T {
        self.part.as_ref().expect("it was not dropped")
    }

    #[allow(clippy::expect_used, reason = "only `drop` takes it")]
    pub(super) fn part_mut(&mut self) -> &mut T {
        self.part.as_mut().expect("it was not dropped")
    }

    /// Calls `command`, which does not wait, inside the runtime.
    pub(super) fn with<R>(&self, command: impl FnOnce(&T) -> R) -> R {
        let _inside = enter(self.runtime);
        command(self.part())
    }
}

impl<T: Clone> Clone for Inside<T> {
    fn clone(&self) -> Self {
        Self::new(self.runtime, self.part().clone())
    }
}

impl<T> Drop for Inside<T> {
    fn drop(&mut self) {
        let _inside = enter(self.runtime);
        self.part = None;
    }
}
