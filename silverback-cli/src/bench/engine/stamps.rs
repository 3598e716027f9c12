//! When the messages in flight were sent: the first answer belongs to the oldest of them, so that any server that
//! answers in order can be measured, and no byte of the payload is needed for it.

use std::collections::VecDeque;

/// The messages in flight of one connection, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Stamps(VecDeque<Run>);

/// Messages that were sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// When they were to be sent. In a closed model that is when they were.
    pub(crate) due: u64,
    pub(crate) sent: u64,
    pub(crate) count: u32,
}

impl Stamps {
    pub(crate) fn push(&mut self, due: u64, sent: u64) {
        match self.0.back_mut() {
            Some(last) if (last.due, last.sent) == (due, sent) => last.count += 1,
            _ => self.0.push_back(Run { due, sent, count: 1 }),
        }
    }

    /// Removes the oldest `count` stamps, or all if there are fewer, and passes them to `each` run by run.
    pub(crate) fn take(&mut self, mut count: u32, mut each: impl FnMut(Run)) {
        while count > 0 {
            let Some(first) = self.0.front_mut() else { return };
            let taken = count.min(first.count);
            each(Run { count: taken, ..*first });
            first.count -= taken;
            count -= taken;
            if first.count == 0 {
                self.0.pop_front();
            }
        }
    }

    pub(crate) fn oldest(&self) -> Option<u64> {
        self.0.front().map(|run| run.sent)
    }
}

#[cfg(test)]
#[path = "stamps_tests.rs"]
mod tests;
