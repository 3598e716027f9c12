//! Compresses what one side sends (RFC 7692, 7.2.1).

use std::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Method, Strategy};

use super::{
    budget::{Account, MemoryBudget},
    history::Kept,
    params::{Compression, DeflateParams, MIN_WINDOW_BITS, TAIL},
    streams::{self, MIN_ZLIB_WINDOW_BITS, with_scratch},
};
use crate::wire::role::Role;

/// The compressor of one side.
pub(crate) struct Deflater {
    /// Taken for the first message; given back when the connection is idle, or after each message of which it need not
    /// be kept.
    stream: Option<Box<Deflate>>,
    config: DeflateConfig,
    kept: Kept,
    /// The stream was left inside a block. It is not used for another message: a reset does not end the block in zlib-rs
    /// 0.6.8.
    is_inside_block: bool,
    account: Account,
}

impl Deflater {
    /// The compressor of `role`, as agreed.
    pub(crate) fn new(role: Role, compression: &Compression, params: &DeflateParams) -> Self {
        let (window_bits, no_takeover) = params.of(role);
        // zlib has no window of 8 bits. Without back references, which Huffman coding alone makes none of, any will do.
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
            // There is nothing that Huffman coding would refer to.
            MIN_WINDOW_BITS => Kept::Nothing,
            bits if bits <= HISTORY_WINDOW_BITS => Kept::history(bits),
            _ => Kept::Stream,
        };
        Self { stream: None, config, kept, is_inside_block: false, account: Account::default() }
    }

    /// A compressor for messages that stand by themselves, which any receiver that agreed to the same window can read.
    pub(crate) fn for_single_messages(&self) -> Self {
        Self {
            stream: None,
            config: self.config,
            kept: Kept::Nothing,
            is_inside_block: false,
            account: Account::default(),
        }
    }

    /// Equal for compressors that make the same of a message that stands by itself.
    pub(crate) fn key(&self) -> DeflateConfig {
        self.config
    }

    /// Counts what it holds from now on.
    pub(crate) fn count_in(&mut self, budget: MemoryBudget) {
        self.account = Account::new(budget);
    }

    /// Whether the budget has room for what a message needs. Then it is held until the stream is given back.
    pub(crate) fn affords_message(&mut self) -> bool {
        self.account.hold(streams::deflate_size(&self.config)).is_ok()
    }

    /// Whether there is something that [`release`](Self::release) would give back.
    pub(crate) fn holds_memory(&self) -> bool {
        self.stream.is_some()
    }

    /// Compresses a piece of a message, to be followed by others or by `finish`. All of it can be read by the receiver.
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.run(piece, DeflateFlush::SyncFlush, out);
        self.kept.note(piece);
    }

    /// Compresses the last piece of a message, or all of it; what comes out lacks the tail that the receiver adds again.
    pub(crate) fn finish(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.end_message(piece, out);
        self.kept.note(piece);
    }

    /// Compresses a whole message into `out`, which is empty; false if it does not shrink. Then it is to go plain, so it does
    /// not enter the receiver's window, and nothing that follows refers to it.
    pub(crate) fn shrink(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        self.shrink_rest(message, message, out)
    }

    /// Compresses a part of a whole message that is not its last. Call [`shrink_rest`](Self::shrink_rest) with the last, or
    /// [`reset`](Self::reset) to give up.
    pub(crate) fn shrink_part(&mut self, part: &[u8], out: &mut Vec<u8>) {
        self.is_inside_block = true;
        self.run(part, DeflateFlush::NoFlush, out);
    }

    /// [`shrink`](Self::shrink) of a message of which only `rest` was not compressed yet.
    pub(crate) fn shrink_rest(&mut self, message: &[u8], rest: &[u8], out: &mut Vec<u8>) -> bool {
        self.end_message(rest, out);
        let shrinks = out.len() < message.len();
        match &mut self.kept {
            kept if shrinks => kept.note(message),
            // What came before is known still: the message has not been taken note of.
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
            // 7.2.3.6: nothing at all is one empty block.
            out.push(0);
        }
        if !matches!(self.kept, Kept::Stream) {
            self.release();
        }
    }

    /// Forgets what was sent: the next message refers to nothing before it, so no receiver needs to have seen it.
    pub(crate) fn reset(&mut self) {
        self.kept.forget();
        if self.is_inside_block {
            self.release();
        }
        if let Some(stream) = &mut self.stream {
            stream.reset();
        }
    }

    /// Gives the stream back. What comes next is compressed as if it were the first, but for a small history.
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
                // The one error that can come says that there is nothing to do: an empty flush after a flush.
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

/// Up to this window the bytes it holds are kept between messages and not the stream. They have to be hashed anew for each
/// message, which takes more time from here on than it saves memory.
const HISTORY_WINDOW_BITS: u8 = 10;
