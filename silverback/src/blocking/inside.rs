//! What belongs to the runtime, in hands outside of it.

use tokio::runtime::Handle;

use super::wait::enter;

/// A part of a connection. It is used and dropped only where timers and tasks may be started: a connection that is
/// dropped in the middle of its closing handshake goes on as a task.
#[derive(Debug)]
pub(super) struct Inside<T> {
    runtime: &'static Handle,
    /// There until it is dropped.
    part: Option<T>,
}

impl<T> Inside<T> {
    pub(super) fn new(runtime: &'static Handle, part: T) -> Self {
        Self { runtime, part: Some(part) }
    }

    pub(super) fn runtime(&self) -> &'static Handle {
        self.runtime
    }

    /// To be polled by `wait`, or asked what needs no runtime.
    #[allow(clippy::expect_used, reason = "only `drop` takes it")]
    pub(super) fn part(&self) -> &T {
        self.part.as_ref().expect("it was not dropped")
    }

    #[allow(clippy::expect_used, reason = "only `drop` takes it")]
    pub(super) fn part_mut(&mut self) -> &mut T {
        self.part.as_mut().expect("it was not dropped")
    }

    /// Does something that does not wait.
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
