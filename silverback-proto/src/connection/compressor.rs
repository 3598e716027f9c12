//! What is compressed and what goes plain (RFC 7692, 6 and 7.2.1): in the order of the wire, which is that of the window.

use std::cell::Cell;

use super::config::LARGE_MESSAGE;
use crate::{
    deflate::deflater::Deflater,
    message::prepared::{Encoded, PreparedMessage},
};

/// Compresses whole messages in the order of the wire, which is the order of the window (RFC 7692, 7.2.1).
#[derive(Debug)]
pub(super) struct Compressor {
    deflater: Deflater,
    /// Messages below this many bytes go plain.
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

    /// Compresses a whole message into `out`; false if it is not worth while.
    pub(super) fn message(&mut self, payload: &[u8], out: &mut Vec<u8>) -> bool {
        self.is_for(payload.len()) && self.affords_message() && self.deflater.shrink(payload, out)
    }

    /// Whether the memory budget has room for compressing a message. If not, it goes plain.
    pub(super) fn affords_message(&mut self) -> bool {
        self.deflater.affords_message()
    }

    /// For a message that is compressed piece by piece.
    pub(super) fn deflater(&mut self) -> &mut Deflater {
        &mut self.deflater
    }

    /// What makes the form of a message for many receivers, if it has none yet and is worth while.
    pub(super) fn preparation(&self, message: &PreparedMessage) -> Option<Deflater> {
        let is_missing = self.is_for(message.message().len()) && !message.has_compressed(self.deflater.key());
        is_missing.then(|| self.deflater.for_single_messages())
    }

    /// A message that was compressed in part will never be sent: the next one refers to nothing of it.
    pub(super) fn forget(&mut self) {
        self.deflater.reset();
    }

    /// Compresses a part of a message into `out`, so that the receiver can read it when it has come.
    pub(super) fn fragment(&mut self, payload: &[u8], is_final: bool, out: &mut Vec<u8>) {
        if is_final {
            self.deflater.finish(payload, out);
        } else {
            self.deflater.push(payload, out);
        }
    }

    /// The compressed form of a message for many receivers, if it is worth while.
    pub(super) fn prepared(&mut self, message: &PreparedMessage) -> Option<Encoded> {
        if !self.is_for(message.message().len()) {
            return None;
        }
        let compressed = message.compressed(&self.deflater)?;
        // It enters the receiver's window, but not ours: from here on we refer to nothing before it.
        self.deflater.reset();
        Some(compressed)
    }

    pub(super) fn holds_memory(&self) -> bool {
        self.deflater.holds_memory()
    }

    /// Gives the memory back: the next message is compressed as if it were the first.
    pub(super) fn release(&mut self) {
        self.deflater.release();
    }
}

/// Whether a message may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PerMessage {
    /// If that was agreed on.
    Allowed,
    /// A secret in one context with a stranger's text leaks by its compressed size.
    Off,
}

impl PerMessage {
    pub(super) fn allowed_if(may_compress: bool) -> Self {
        if may_compress { Self::Allowed } else { Self::Off }
    }
}

/// Lends a buffer for what compression makes.
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

/// What a thread keeps of the buffer for compressed messages: larger ones have buffers of their own.
const KEPT_COMPRESSED: usize = 2 * LARGE_MESSAGE;
