//! Inflates the messages of the peer (RFC 7692, 7.2.2), within limits.

#[cfg(test)]
mod tests;

use std::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{
    budget::{Account, MemoryBudget},
    history::Kept,
    options::Compression,
    params::{DeflateParams, Held, MAX_WINDOW_BITS},
    streams::{self, MIN_ZLIB_WINDOW_BITS, with_scratch},
};
use crate::wire::{
    error::{ConnectionError, LimitError, ProtocolError},
    role::Role,
};

/// The decompressor for the messages of one side.
pub(crate) struct Inflater {
    /// The stream. It is taken for the first message, and returned after each message if it need not be kept.
    stream: Option<Box<Inflate>>,
    kept: Kept,
    max_ratio: u32,
    message: Progress,
    /// How many bytes may still be inflated in this turn.
    left_of_turn: u64,
    /// The received bytes of the message. Those after the first `waited` bytes are not inflated yet.
    waiting: Vec<u8>,
    waited: usize,
    account: Account,
}

/// The progress of the message that is being inflated.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    taken: u64,
    made: u64,
    /// Whether the stream may hold more output, for which the buffer had no room.
    has_more: bool,
    /// The number of blocks with BFINAL so far. Each of them ends a stream, and another stream may follow.
    final_blocks: u32,
    /// Whether the last byte ended a stream.
    is_at_stream_end: bool,
}

/// Why a compressed message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InflateError {
    /// The data is not valid DEFLATE.
    Invalid,
    /// The message grows beyond [`Compression::max_inflate_ratio`].
    Ratio {
        /// The limit.
        limit: u32,
    },
    /// The message has more blocks with BFINAL than this.
    FinalBlocks {
        /// The limit.
        limit: u32,
    },
}

impl From<InflateError> for ConnectionError {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::Invalid => Self::Protocol(ProtocolError::InvalidDeflate),
            InflateError::Ratio { limit } => Self::Limit(LimitError::InflateRatio { limit }),
            InflateError::FinalBlocks { limit } => Self::Limit(LimitError::FinalBlocks { limit }),
        }
    }
}

impl Inflater {
    /// Creates the decompressor for the messages of `sender` if compression was negotiated. Without `requested`, the
    /// limits are those of the default `Compression`.
    pub(crate) fn negotiated(sender: Role, requested: Option<&Compression>, params: &DeflateParams) -> Option<Self> {
        Some(Self::new(sender, requested.unwrap_or(&Compression::default()), params))
    }

    /// Creates the decompressor for the messages of `sender`, with the negotiated parameters.
    pub(crate) fn new(sender: Role, compression: &Compression, params: &DeflateParams) -> Self {
        let (window_bits, no_takeover) = params.of(sender);
        let kept = match window_bits {
            _ if no_takeover => Kept::Nothing,
            MAX_WINDOW_BITS => Kept::Stream,
            // zlib silently uses 9 bits for 8, so accept references that far back.
            bits => Kept::history(bits.max(MIN_ZLIB_WINDOW_BITS)),
        };
        Self {
            stream: None,
            kept,
            max_ratio: compression.max_inflate_ratio,
            message: Progress::default(),
            left_of_turn: u64::MAX,
            waiting: Vec::new(),
            waited: 0,
            account: Account::default(),
        }
    }

    /// Counts the memory it holds from now on.
    pub(crate) fn count_in(&mut self, budget: MemoryBudget) {
        self.account = Account::new(budget);
    }

    /// Counts the memory held, including the `body` bytes that the inflated part of the message takes. It counts in
    /// steps, so that small messages never touch the counter.
    pub(crate) fn count_held(&mut self, body: usize) -> Result<(), LimitError> {
        let bytes = body.saturating_add(self.waiting.capacity()).saturating_add(self.kept.held());
        let stream = if self.stream.is_some() { streams::INFLATE_SIZE } else { 0 };
        self.account.hold(stream.saturating_add(bytes - bytes % COUNTED_IN))
    }

    /// Inflates a piece of a message and passes the output to `accept`, in pieces of at most 16 KiB.
    pub(crate) fn push<E: From<InflateError>>(
        &mut self,
        piece: &[u8],
        mut accept: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.advance(piece, u64::MAX, &mut accept).map(|_| ())
    }

    /// Keeps a piece of a message without inflating it; see [`inflate_waiting`](Self::inflate_waiting).
    pub(crate) fn wait_with(&mut self, piece: &[u8]) {
        self.waiting.extend_from_slice(piece);
    }

    /// Whether a part of the message is not inflated yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waited < self.waiting.len() || self.message.has_more
    }

    /// Inflates about `most` of the kept bytes, as far as `held` allows. Returns whether there is nothing more to do
    /// for now.
    pub(crate) fn inflate_waiting<E: From<InflateError>>(
        &mut self,
        held: Held,
        most: u64,
        mut accept: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        if !self.is_waiting() {
            return Ok(true);
        }
        let waiting = std::mem::take(&mut self.waiting);
        let Progress { taken, made, .. } = self.message;
        let (end, until) = match held {
            Held::Briefly => (waiting.len(), u64::MAX),
            Held::ByThePeer => {
                let received = taken + (waiting.len() - self.waited) as u64;
                // Faults show here, so this must happen at the same offsets of a message, however the input is cut.
                let counted = received - received % INFLATED_EVERY;
                let end = self.waited + counted.saturating_sub(taken) as usize;
                (end, counted.saturating_mul(INFLATED_PER_RECEIVED))
            }
        };
        let stop = until.min(made.saturating_add(most.max(1)));
        let outcome = self.advance(&waiting[self.waited..end], stop, &mut accept);
        self.waiting = waiting;
        self.waited += outcome?;
        let is_done = (self.waited == end && !self.message.has_more) || self.message.made >= until;
        if self.waited == self.waiting.len() {
            (self.waiting, self.waited) = (Vec::new(), 0);
        } else if self.waited > self.waiting.len() / 2 {
            self.waiting.drain(..std::mem::take(&mut self.waited));
        }
        Ok(is_done)
    }

    /// Inflates input until the message has grown to `until` bytes or all input is used. Returns how much input was
    /// used.
    fn advance<E: From<InflateError>>(
        &mut self,
        input: &[u8],
        until: u64,
        accept: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        with_scratch(|scratch| {
            let mut done = 0;
            while self.message.made < until {
                let until_judged = JUDGED_EVERY - self.message.taken as usize % JUDGED_EVERY;
                // The ratio counts all output of the input so far, so the stream must be drained first.
                let most = if self.message.has_more && until_judged == JUDGED_EVERY { 0 } else { until_judged };
                let rest = &input[done..];
                let piece = &rest[..rest.len().min(most)];
                if piece.is_empty() && !self.message.has_more {
                    break;
                }
                let (taken, made) = self.step(piece, scratch, InflateFlush::SyncFlush, accept)?;
                done += taken;
                self.message.taken += taken as u64;
                // Even without input, the stream may hold output for which the scratch buffer had no room.
                self.message.has_more = made == scratch.len();
                let is_stuck = taken == 0 && made == 0 && !piece.is_empty() && !self.message.is_at_stream_end;
                if is_stuck {
                    return Err(InflateError::Invalid.into());
                }
                if !self.message.has_more && self.message.taken % JUDGED_EVERY as u64 == 0 {
                    self.check_ratio()?;
                }
            }
            Ok(done)
        })
    }

    /// Ends a message: adds the tail that the sender left out (7.2.2).
    pub(crate) fn finish<E: From<InflateError>>(
        &mut self,
        mut accept: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.inflate_waiting(Held::Briefly, u64::MAX, &mut accept)?;
        // 7.2.3.4: no tail is added after a block with BFINAL.
        let done = if self.message.is_at_stream_end { Ok(()) } else { self.run_tail(&mut accept) };
        let done = done.and_then(|()| Ok(self.check_ratio()?));
        if std::mem::take(&mut self.message).is_at_stream_end {
            self.forget();
        } else if !matches!(self.kept, Kept::Stream) {
            self.release();
        }
        done
    }

    /// Fails if the tail does not end a block. A sender leaves out exactly the end of a block (7.2.1). Otherwise the
    /// message is incomplete, and the block would continue in the next message.
    fn run_tail<E: From<InflateError>>(&mut self, accept: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        with_scratch(|scratch| {
            let mut rest = &TAIL_AND_MORE[..];
            loop {
                let (taken, made) = self.step(rest, scratch, InflateFlush::Block, accept)?;
                rest = &rest[taken..];
                match rest.len() {
                    // The stream stops after each block. Only inside a block it also takes the bytes after the tail.
                    0 => return Err(InflateError::Invalid.into()),
                    1 if made < scratch.len() => return Ok(self.check_boundary(scratch)?),
                    _ => {}
                }
            }
        })
    }

    /// A block may have ended inside the last byte of the tail, whose other bits would begin the next block. Then an
    /// empty block after them is not recognised as one.
    fn check_boundary(&mut self, scratch: &mut [u8]) -> Result<(), InflateError> {
        let nothing = &mut |_: &[u8]| Ok::<(), InflateError>(());
        let outcome = self.step(&EMPTY_BLOCK, scratch, InflateFlush::SyncFlush, nothing)?;
        // After a block with BFINAL the stream takes no input.
        let taken = if self.message.is_at_stream_end { 0 } else { EMPTY_BLOCK.len() };
        if outcome == (taken, 0) { Ok(()) } else { Err(InflateError::Invalid) }
    }

    /// Checks the ratio. Call this at the same offsets of a message however it is cut, so that the result does not
    /// depend on the cuts.
    fn check_ratio(&self) -> Result<(), InflateError> {
        let Progress { taken, made, .. } = self.message;
        let allowed = taken.saturating_mul(self.max_ratio.into()).max(RATIO_COUNTS_FROM);
        if made > allowed { Err(InflateError::Ratio { limit: self.max_ratio }) } else { Ok(()) }
    }

    /// Calls the stream once. Returns how much input it used and how much output it made.
    fn step<E: From<InflateError>>(
        &mut self,
        input: &[u8],
        scratch: &mut [u8],
        flush: InflateFlush,
        accept: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(usize, usize), E> {
        if self.message.is_at_stream_end {
            if input.is_empty() {
                return Ok((0, 0));
            }
            self.start_next_stream();
        }
        let stream = self.stream.get_or_insert_with(|| streams::take_inflate(self.kept.dictionary()));
        let (before_in, before_out) = (stream.total_in(), stream.total_out());
        let outcome = stream.decompress(input, scratch, flush);
        let taken = (stream.total_in() - before_in) as usize;
        let made = (stream.total_out() - before_out) as usize;
        self.message.is_at_stream_end = outcome == Ok(Status::StreamEnd);
        self.message.final_blocks += u32::from(self.message.is_at_stream_end);
        self.message.made += made as u64;
        self.left_of_turn = self.left_of_turn.saturating_sub(made as u64);
        self.kept.note(&scratch[..made]);
        // Output before a fault is validated before the fault is reported. Otherwise the error would depend on the
        // cuts.
        accept(&scratch[..made])?;
        outcome.map_err(|_| InflateError::Invalid)?;
        if self.message.final_blocks > MAX_FINAL_BLOCKS {
            return Err(InflateError::FinalBlocks { limit: MAX_FINAL_BLOCKS }.into());
        }
        Ok((taken, made))
    }

    /// Starts a new stream after one that the sender ended. The sender's window is empty, so it refers to nothing
    /// before.
    fn start_next_stream(&mut self) {
        self.message.is_at_stream_end = false;
        self.forget();
    }
}

impl Inflater {
    /// Begins a turn, in which about this many bytes may be inflated. If this is never called, no turn ends.
    pub(crate) fn begin_turn(&mut self, inflated: u64) {
        self.left_of_turn = inflated;
    }

    /// How many bytes may still be inflated in this turn.
    pub(crate) fn left_of_turn(&self) -> u64 {
        self.left_of_turn
    }

    /// The memory that the message takes, without its inflated bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.waiting.capacity() + usize::from(self.stream.is_some()) * 46 * 1024
    }

    #[cfg(test)]
    pub(crate) fn holds_memory(&self) -> bool {
        self.stream.is_some()
    }

    /// Clears the window, so that the next message refers to no earlier one.
    fn forget(&mut self) {
        self.kept.forget();
        self.release();
    }

    fn release(&mut self) {
        if let Some(stream) = self.stream.take() {
            streams::put_inflate(stream);
        }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("message", &self.message).finish_non_exhaustive()
    }
}

/// The tail, and bytes that the stream takes only if the message is incomplete.
const TAIL_AND_MORE: [u8; 5] = [0x00, 0x00, 0xFF, 0xFF, 0x00];

/// Stored.
const EMPTY_BLOCK: [u8; 5] = [0x00, 0x00, 0x00, 0xFF, 0xFF];

/// Below this size the ratio is not limited, because honest users paste lines of dashes.
const RATIO_COUNTS_FROM: u64 = 1024 * 1024;

/// Memory is counted in steps of this many bytes.
const COUNTED_IN: usize = 4 * 1024;

/// An unfinished message is inflated after each further piece of this many compressed bytes. Small messages then need
/// no memory of zlib until they are complete.
const INFLATED_EVERY: u64 = 4 * 1024;

/// How many times larger than its compressed form an unfinished message may become. Honest data rarely exceeds this,
/// and all memory for it stays below 50 times the received bytes.
const INFLATED_PER_RECEIVED: u64 = 16;

/// The ratio is checked after this many bytes of compressed payload. They inflate to at most 1 MiB.
const JUDGED_EVERY: usize = 1024;

/// The most final blocks in one message. Each of them costs a new stream, so a message full of them would be expensive.
pub(super) const MAX_FINAL_BLOCKS: u32 = 64;
