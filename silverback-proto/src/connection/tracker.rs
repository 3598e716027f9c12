//! Which of the accepted output has left, for those who asked for it.

use std::collections::VecDeque;

use super::stats::OutputProgress;

/// Tells bytes that are sent in the order of their acceptance from control frames that overtake them.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    /// All bytes that the transport took since the connection began.
    sent: u64,
    /// Control frames that overtake earlier output, in the order of sending: the value of `sent` at which each has left,
    /// and its length.
    overtaking: VecDeque<(u64, u64)>,
    /// Bytes of such frames that have left.
    overtook: u64,
    /// Bytes that were accepted in order and dropped.
    never_left: u64,
}

impl Tracker {
    /// Notes a frame of `len` bytes that overtakes earlier output, and has left after `until` more bytes.
    pub(super) fn note_overtaking(&mut self, until: usize, len: usize) {
        self.overtaking.push_back((self.sent + until as u64, len as u64));
    }

    /// Notes that the transport took `count` bytes.
    pub(super) fn note_sent(&mut self, count: usize) {
        self.sent += count as u64;
        while let Some(&(end, len)) = self.overtaking.front() {
            if end > self.sent {
                return;
            }
            self.overtook += len;
            self.overtaking.pop_front();
        }
    }

    /// Notes that output was dropped from the end of the queue, of which `kept` of `queued` bytes are left.
    pub(super) fn note_dropped(&mut self, queued: usize, kept: usize) {
        let waited = self.waiting(queued);
        let kept_until = self.sent + kept as u64;
        while let Some((end, len)) = self.overtaking.pop_back() {
            if end <= kept_until {
                self.overtaking.push_back((end, len));
                break;
            }
            self.overtook += self.sent_part(end, len);
        }
        self.never_left += waited - self.waiting(kept);
    }

    /// Returns the progress while `queued` bytes have not been sent.
    pub(super) fn progress(&self, queued: usize) -> OutputProgress {
        let leaving = self.overtaking.front().map_or(0, |&(end, len)| self.sent_part(end, len));
        let left = self.sent - self.overtook - leaving;
        OutputProgress { accepted: left + self.waiting(queued) + self.never_left, left }
    }

    /// Returns how many bytes have left of a frame that is still queued.
    fn sent_part(&self, end: u64, len: u64) -> u64 {
        (self.sent + len).saturating_sub(end)
    }

    /// Returns how many of the queued bytes were accepted in order.
    fn waiting(&self, queued: usize) -> u64 {
        let overtaking = self.overtaking.iter().map(|&(end, len)| len - self.sent_part(end, len)).sum::<u64>();
        queued as u64 - overtaking
    }
}
