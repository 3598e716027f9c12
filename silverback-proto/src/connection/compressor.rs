//! Decides which messages are compressed, and compresses them (RFC 7692, 6 and 7.2.1).

use std::cell::Cell;

use super::config::LARGE_MESSAGE;
use crate::{
    deflate::Deflater,
    message::prepared::{Encoded, PreparedMessage},
};

/// Compresses messages in the order in which they are sent, because the peer's window follows that order (RFC 7692,
/// 7.2.1).
#[derive(Debug)]
pub(super) struct Compressor {
    deflater: Deflater,
    /// Messages below this many bytes are sent uncompressed.
    threshold: usize,
}

impl Compressor {
    pub(super) fn new(deflater: Deflater, threshold: usize) -> Self {
        Self { deflater, threshold }
    }

    /// Whether a whole message of `len` bytes is worth compressing.
    pub(super) fn is_for(&self, len: usize) -> bool {
        len >= self.threshold
    }

    /// Compresses a whole message into `out`. Returns false if it is better sent uncompressed.
    pub(super) fn message(&mut self, payload: &[u8], out: &mut Vec<u8>) -> bool {
        self.is_for(payload.len()) && self.affords_message() && self.deflater.shrink(payload, out)
    }

    /// Whether the memory budget has room for compressing a message. If not, the message is sent uncompressed.
    pub(super) fn affords_message(&mut self) -> bool {
        self.deflater.affords_message()
    }

    /// Returns the deflater, for a message that is compressed piece by piece.
    pub(super) fn deflater(&mut self) -> &mut Deflater {
        &mut self.deflater
    }

    /// Returns a deflater for a prepared message, if the message has no compressed form yet and is worth compressing.
    pub(super) fn preparation(&self, message: &PreparedMessage) -> Option<Deflater> {
        let is_missing = self.is_for(message.message().len()) && !message.has_compressed(self.deflater.key());
        is_missing.then(|| self.deflater.for_single_messages())
    }

    /// Resets the window because a partly compressed message will never be sent. The next message must not refer to it.
    pub(super) fn forget(&mut self) {
        self.deflater.reset();
    }

    /// Compresses a part of a message into `out`, with a flush, so that the receiver can read this part at once.
    pub(super) fn fragment(&mut self, payload: &[u8], is_final: bool, out: &mut Vec<u8>) {
        if is_final {
            self.deflater.finish(payload, out);
        } else {
            self.deflater.push(payload, out);
        }
    }

    /// Returns the compressed form of a prepared message, if it is smaller.
    pub(super) fn prepared(&mut self, message: &PreparedMessage) -> Option<Encoded> {
        if !self.is_for(message.message().len()) {
            return None;
        }
        let compressed = message.compressed(&self.deflater)?;
        // The message enters the receiver's window but not ours, so later messages must not refer to anything before
        // it.
        self.deflater.reset();
        Some(compressed)
    }

    pub(super) fn holds_memory(&self) -> bool {
        self.deflater.holds_memory()
    }

    /// Frees the compressor's memory. The next message is compressed as if it were the first.
    pub(super) fn release(&mut self) {
        self.deflater.release();
    }
}

/// Calls `work` with the thread's buffer for compressed output.
pub(super) fn with_compressed<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    thread_local! {
        static COMPRESSED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut out = COMPRESSED.take();
    let done = work(&mut out);
    out.clear();
    if out.capacity() <= KEPT_COMPRESSED {
        COMPRESSED.set(out);
    }
    done
}

/// The largest buffer for compressed output that a thread keeps.
const KEPT_COMPRESSED: usize = 2 * LARGE_MESSAGE;
