//! Compresses the messages of one side (RFC 7692, 7.2.1).

use std::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Method, Strategy};

use super::{
    budget::{Account, MemoryBudget},
    history::Kept,
    options::{Compression, MIN_WINDOW_BITS, TAIL},
    params::DeflateParams,
    streams::{self, MIN_ZLIB_WINDOW_BITS, with_scratch},
};
use crate::wire::role::Role;

/// Equal for compressors that compress a single message in the same way.
pub(crate) type Key = DeflateConfig;

/// The compressor of one side.
pub(crate) struct Deflater {
    /// The stream. It is taken for the first message, and returned when the connection is idle, or after each message
    /// if it need not be kept.
    stream: Option<Box<Deflate>>,
    config: DeflateConfig,
    kept: Kept,
    /// Whether the stream was left inside a block. It is then dropped, because a reset does not end the block in
    /// zlib-rs 0.6.8.
    is_inside_block: bool,
    account: Account,
}

impl Deflater {
    /// Creates the compressor of `role` with the negotiated parameters, and returns the size from which messages are
    /// compressed. The negotiated parameters decide, because a handshake that was done elsewhere may have negotiated
    /// compression that this side did not request.
    pub(crate) fn negotiated(
        role: Role,
        requested: Option<&Compression>,
        params: &DeflateParams,
    ) -> Option<(Self, usize)> {
        let default = Compression::default();
        let compression = requested.unwrap_or(&default);
        Some((Self::new(role, compression, params), compression.plain_below()))
    }

    /// Creates the compressor of `role` with the negotiated parameters.
    pub(crate) fn new(role: Role, compression: &Compression, params: &DeflateParams) -> Self {
        let (window_bits, no_takeover) = params.of(role);
        // zlib has no window of 8 bits. Huffman coding alone makes no back references, so any window works.
        let strategy = if window_bits == MIN_WINDOW_BITS { Strategy::HuffmanOnly } else { Strategy::Default };
        let config = DeflateConfig {
            level: compression.level,
            method: Method::Deflated,
            window_bits: -i32::from(window_bits.max(MIN_ZLIB_WINDOW_BITS)),
            mem_level: compression.memory_level,
            strategy,
        };
        let kept = match window_bits {
            _ if no_takeover => Kept::Nothing,
            // Huffman coding alone never refers to earlier messages.
            MIN_WINDOW_BITS => Kept::Nothing,
            bits if bits <= HISTORY_WINDOW_BITS => Kept::history(bits),
            _ => Kept::Stream,
        };
        Self { stream: None, config, kept, is_inside_block: false, account: Account::default() }
    }

    /// Creates a compressor for messages that refer to no earlier one. Every receiver with the same window can read
    /// them.
    pub(crate) fn for_single_messages(&self) -> Self {
        Self {
            stream: None,
            config: self.config,
            kept: Kept::Nothing,
            is_inside_block: false,
            account: Account::default(),
        }
    }

    /// Compresses a whole message as [`for_single_messages`](Self::for_single_messages) does. Returns false if it does
    /// not shrink.
    pub(crate) fn shrink_single(&self, message: &[u8], out: &mut Vec<u8>) -> bool {
        self.for_single_messages().shrink(message, out)
    }

    pub(crate) fn key(&self) -> Key {
        self.config
    }

    /// Counts the memory it holds from now on.
    pub(crate) fn count_in(&mut self, budget: MemoryBudget) {
        self.account = Account::new(budget);
    }

    /// Whether the budget has enough memory for a message. If so, this memory is held until the stream is returned.
    pub(crate) fn affords_message(&mut self) -> bool {
        self.account.hold(streams::deflate_size(&self.config)).is_ok()
    }

    /// Whether [`release`](Self::release) would free memory.
    pub(crate) fn holds_memory(&self) -> bool {
        self.stream.is_some()
    }

    /// Compresses a piece of a message, and flushes it so that the receiver can read all of it. More pieces or `finish`
    /// must follow.
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.run(piece, DeflateFlush::SyncFlush, out);
        self.kept.note(piece);
    }

    /// Compresses the last piece of a message, or a whole message. The output lacks the tail, which the receiver adds.
    pub(crate) fn finish(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.end_message(piece, out);
        self.kept.note(piece);
    }

    /// Compresses a whole message into the empty `out`. Returns false if the message does not shrink. It must then be
    /// sent uncompressed. It does not enter the receiver's window, and later messages do not refer to it.
    pub(crate) fn shrink(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        self.shrink_rest(message, message, out)
    }

    /// Compresses a part of a whole message, but not its last part. Call [`shrink_rest`](Self::shrink_rest) with the
    /// last part, or [`reset`](Self::reset) to cancel.
    pub(crate) fn shrink_part(&mut self, part: &[u8], out: &mut Vec<u8>) {
        self.is_inside_block = true;
        self.run(part, DeflateFlush::NoFlush, out);
    }

    /// Finishes [`shrink`](Self::shrink) for a message of which only `rest` is not compressed yet.
    pub(crate) fn shrink_rest(&mut self, message: &[u8], rest: &[u8], out: &mut Vec<u8>) -> bool {
        self.end_message(rest, out);
        let shrinks = out.len() < message.len();
        match &mut self.kept {
            kept if shrinks => kept.note(message),
            // The history still holds the earlier messages, because this message was not added to it.
            Kept::History(_) | Kept::Nothing => {}
            Kept::Stream => self.reset(),
        }
        shrinks
    }

    fn end_message(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        self.run(piece, DeflateFlush::SyncFlush, out);
        self.is_inside_block = false;
        if out[start..].ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        if out.len() == start {
            // 7.2.3.6: an empty message is one empty block.
            out.push(0);
        }
        if !matches!(self.kept, Kept::Stream) {
            self.release();
        }
    }

    /// Resets the window. The next message refers to no earlier one.
    pub(crate) fn reset(&mut self) {
        self.kept.forget();
        if self.is_inside_block {
            self.release();
        }
        if let Some(stream) = &mut self.stream {
            stream.reset();
        }
    }

    /// Returns the stream to the pool. The next message can refer to the history at most.
    pub(crate) fn release(&mut self) {
        let is_reusable = !std::mem::take(&mut self.is_inside_block);
        if let Some(stream) = self.stream.take().filter(|_| is_reusable) {
            streams::put_deflate(self.config, stream);
        }
        self.account.release();
    }

    fn run(&mut self, mut input: &[u8], flush: DeflateFlush, out: &mut Vec<u8>) {
        let stream = self.stream.get_or_insert_with(|| streams::take_deflate(self.config, self.kept.dictionary()));
        with_scratch(|scratch| {
            loop {
                let (before_in, before_out) = (stream.total_in(), stream.total_out());
                // The only possible error says that there is nothing to do: an empty flush after a flush.
                let done = stream.compress(input, scratch, flush).is_err();
                let taken = (stream.total_in() - before_in) as usize;
                let made = (stream.total_out() - before_out) as usize;
                input = &input[taken..];
                out.extend_from_slice(&scratch[..made]);
                if done || (input.is_empty() && made < scratch.len()) {
                    return;
                }
            }
        });
    }
}

impl Drop for Deflater {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// The largest window whose bytes are kept between messages instead of the stream. These bytes are hashed again for
/// each message. With a larger window that would cost too much time.
const HISTORY_WINDOW_BITS: u8 = 10;
