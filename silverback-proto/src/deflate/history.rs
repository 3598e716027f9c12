//! What is kept between two messages with context takeover: the stream itself, or the bytes that it would refer to.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

/// What of a stream outlives a message.
#[derive(Debug)]
pub(super) enum Kept {
    /// Nothing: the next message stands by itself.
    Nothing,
    /// The stream.
    Stream,
    /// The last bytes that went through it. Any stream of the thread's pool goes on from there, and one that is used all
    /// the time is in the processor's cache.
    History(History),
}

/// The last bytes of all messages, as many as the window holds.
#[derive(Debug)]
pub(super) struct History {
    bytes: VecDeque<u8>,
    window: usize,
}

impl Kept {
    /// A history of this window.
    pub(super) fn history(window_bits: u8) -> Self {
        Self::History(History { bytes: VecDeque::new(), window: 1 << window_bits })
    }

    /// Takes note of what the next message may refer to.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        if let Self::History(history) = self {
            history.push(bytes);
        }
    }

    /// The next message refers to nothing.
    pub(super) fn forget(&mut self) {
        if let Self::History(history) = self {
            history.bytes.clear();
        }
    }

    /// Memory that is taken between messages, beside the stream.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::History(history) => history.bytes.capacity(),
            Self::Nothing | Self::Stream => 0,
        }
    }

    /// What a new stream has to know, oldest first; nothing if it begins anew.
    pub(super) fn dictionary(&self) -> [&[u8]; 2] {
        match self {
            Self::History(history) => history.bytes.as_slices().into(),
            Self::Nothing | Self::Stream => [&[], &[]],
        }
    }
}

impl History {
    fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(self.window)..];
        let kept = self.bytes.len().min(self.window - bytes.len());
        self.bytes.drain(..self.bytes.len() - kept);
        let needed = kept + bytes.len();
        if needed > self.bytes.capacity() {
            // Twice at a time, and never more than the window.
            self.bytes.reserve_exact(needed.next_power_of_two().min(self.window) - kept);
        }
        self.bytes.extend(bytes);
    }
}
