//! The behaviour of a transport, call by call.

use std::collections::VecDeque;
use std::io;

/// A script for one direction of a pipe: each step sets the result of one call. Calls after the last step work
/// normally.
///
/// A step that moves bytes waits for bytes or for room. It is used up by the call that moves some.
///
/// ```
/// use std::io;
/// use silverback_testkit::pipe::Plan;
///
/// let three_bytes_then_a_stall_then_the_end = Plan::new().read_at_most(3).stall().eof();
/// let every_write_takes_one_byte = Plan::new().write_at_most(1).forever();
/// let the_second_read_fails = Plan::new().pass().error(io::ErrorKind::ConnectionReset);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a plan does nothing until it is given to a Remote"]
pub struct Plan {
    steps: VecDeque<Step>,
    last_is_forever: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    AtMost(usize),
    Stall,
    Error(io::ErrorKind),
    Eof,
}

impl Plan {
    /// Creates a plan without steps: all calls work normally.
    pub fn new() -> Self {
        Self::default()
    }

    /// One read that returns at most `count` bytes.
    ///
    /// # Panics
    /// If `count` is 0, which would mean the end; use [`Plan::eof`] for that.
    #[track_caller]
    pub fn read_at_most(self, count: usize) -> Self {
        assert!(count > 0, "a read of at most 0 bytes is Plan::eof");
        self.then(Step::AtMost(count))
    }

    /// One write that takes at most `count` bytes.
    ///
    /// # Panics
    /// If `count` is 0.
    #[track_caller]
    pub fn write_at_most(self, count: usize) -> Self {
        self.read_at_most(count)
    }

    /// One call that moves as much as it can.
    pub fn pass(self) -> Self {
        self.then(Step::AtMost(usize::MAX))
    }

    /// Every call from here on is pending until the test releases this stall.
    pub fn stall(self) -> Self {
        self.then(Step::Stall)
    }

    /// One call that fails and moves no bytes.
    pub fn error(self, kind: io::ErrorKind) -> Self {
        self.then(Step::Error(kind))
    }

    /// For reads: every later call returns the end, even if bytes were sent. For writes: one call takes nothing and
    /// returns `Ok(0)`.
    pub fn eof(self) -> Self {
        self.then(Step::Eof)
    }

    /// Repeats the last step for every call that follows.
    ///
    /// # Panics
    /// If the plan has no steps.
    #[track_caller]
    pub fn forever(mut self) -> Self {
        assert!(!self.steps.is_empty(), "a plan without steps has nothing to repeat");
        self.last_is_forever = true;
        self
    }

    #[track_caller]
    fn then(mut self, step: Step) -> Self {
        assert!(!self.last_is_forever, "no step can follow one that is repeated forever");
        self.steps.push_back(step);
        self
    }

    pub(super) fn next(&self) -> Option<Step> {
        self.steps.front().copied()
    }

    pub(super) fn step_done(&mut self) {
        if self.steps.len() > 1 || !self.last_is_forever {
            self.steps.pop_front();
        }
    }

    /// Removes the first stall, reached or not, and returns whether there was one.
    pub(super) fn release(&mut self) -> bool {
        let Some(place) = self.steps.iter().position(|step| *step == Step::Stall) else {
            return false;
        };
        self.steps.remove(place);
        self.last_is_forever &= place < self.steps.len();
        true
    }
}
