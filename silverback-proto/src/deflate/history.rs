//! The state between two messages with context takeover: the stream itself, or the bytes in its window.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

/// The part of a stream that is kept between messages.
#[derive(Debug)]
pub(super) enum Kept {
    /// Nothing, because the next message refers to no earlier one.
    Nothing,
    /// The stream.
    Stream,
    /// The last bytes of the stream. Any stream of the thread's pool can continue with them, and a stream that is often
    /// used stays in the processor's cache.
    History(History),
}

/// The last bytes of all messages, at most one window of them.
#[derive(Debug)]
pub(super) struct History {
    bytes: VecDeque<u8>,
    window: usize,
}

impl Kept {
    /// Creates a history for this window.
    pub(super) fn history(window_bits: u8) -> Self {
        Self::History(History { bytes: VecDeque::new(), window: 1 << window_bits })
    }

    /// Adds bytes to which the next message may refer.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        if let Self::History(history) = self {
            history.push(bytes);
        }
    }

    /// Clears the history, so that the next message refers to no earlier one.
    pub(super) fn forget(&mut self) {
        if let Self::History(history) = self {
            history.bytes.clear();
        }
    }

    /// The memory it holds between messages, without the stream.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::History(history) => history.bytes.capacity(),
            Self::Nothing | Self::Stream => 0,
        }
    }

    /// The bytes that a new stream must know, oldest first. Empty if there are none.
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
            // Grows twofold, up to the size of the window.
            self.bytes.reserve_exact(needed.next_power_of_two().min(self.window) - kept);
        }
        self.bytes.extend(bytes);
    }
}
