//! zlib in the role of the other endpoint (RFC 7692, 7.2). It shares no code with the streams under test.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// A sender that compresses with zlib.
pub struct Packer {
    stream: Compress,
    level: u32,
    window_bits: u8,
    has_takeover: bool,
}

impl Packer {
    pub fn new(level: u8, window_bits: u8, has_takeover: bool) -> Self {
        let level = u32::from(level % 10);
        Self { stream: compress(level, window_bits), level, window_bits, has_takeover }
    }

    /// Compresses one message, without the tail that is not sent.
    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut packed = self.piece(payload, false);
        packed.truncate(packed.len() - TAIL.len());
        if !self.has_takeover {
            self.stream = compress(self.level, self.window_bits);
        }
        packed
    }

    /// Compresses a part of a message, up to a flush or to the end of a stream (a block with BFINAL).
    pub fn piece(&mut self, payload: &[u8], ends_stream: bool) -> Vec<u8> {
        let flush = if ends_stream { FlushCompress::Finish } else { FlushCompress::Sync };
        let mut packed = Vec::new();
        let start = self.stream.total_in();
        loop {
            packed.reserve(1024 + payload.len() / 4);
            let rest = &payload[(self.stream.total_in() - start) as usize..];
            let status = self.stream.compress_vec(rest, &mut packed, flush).expect("a valid stream");
            let is_done = status == Status::StreamEnd || (!ends_stream && packed.len() < packed.capacity());
            if is_done {
                break;
            }
        }
        if ends_stream {
            self.stream = compress(self.level, self.window_bits);
        } else if !packed.ends_with(&TAIL) {
            // A flush directly after a flush writes nothing; one empty block means the same.
            packed.extend_from_slice(&[0, 0, 0, 0xFF, 0xFF]);
        }
        packed
    }
}

/// A receiver that inflates with zlib.
pub struct Unpacker {
    stream: Decompress,
    /// All input of this stream.
    given: Vec<u8>,
    window_bits: u8,
    has_takeover: bool,
    /// How many bytes zlib gets at a time. Fewer bytes make it stricter about a small window.
    portion: usize,
}

/// The result of inflating a message.
#[derive(Debug, PartialEq)]
pub enum Unpacked {
    Message(Vec<u8>),
    Invalid,
    TooLarge,
    TooManyFinalBlocks,
}

impl Unpacker {
    pub fn new(window_bits: u8, has_takeover: bool, portion: usize) -> Self {
        Self { stream: decompress(window_bits), given: Vec::new(), window_bits, has_takeover, portion }
    }

    /// Inflates one complete message.
    pub fn message(&mut self, packed: &[u8], limit: usize) -> Unpacked {
        let mut out = Vec::new();
        let (mut is_at_end, mut ends) = (false, 0);
        for (input, is_tail) in packed.chunks(self.portion).map(|piece| (piece, false)).chain([(&TAIL[..], true)]) {
            // 7.2.3.4: no tail is restored after a block with BFINAL.
            if is_tail && is_at_end {
                break;
            }
            let mut input = input;
            while !input.is_empty() {
                if is_at_end {
                    // Our own rules: a stream that ends discards its window, and a message may have 64 of them.
                    self.start_stream();
                }
                let Some((taken, ended)) = self.step(input, &mut out) else { return Unpacked::Invalid };
                self.given.extend_from_slice(&input[..taken]);
                input = &input[taken..];
                is_at_end = ended;
                ends += u32::from(ended);
                if out.len() > limit {
                    return Unpacked::TooLarge;
                }
                if ends > MAX_FINAL_BLOCKS {
                    return Unpacked::TooManyFinalBlocks;
                }
            }
        }
        // 7.2.1: zlib would continue the block in the next message, but a message must be complete.
        if !is_at_end && self.is_inside_a_block() {
            return Unpacked::Invalid;
        }
        if is_at_end || !self.has_takeover {
            self.start_stream();
        }
        Unpacked::Message(out)
    }

    fn start_stream(&mut self) {
        self.stream = decompress(self.window_bits);
        self.given.clear();
    }

    /// zlib reads two empty blocks as such only between two blocks, so this shows whether a block is open.
    fn is_inside_a_block(&self) -> bool {
        let mut again = Self::new(self.window_bits, true, usize::MAX);
        let mut out = Vec::new();
        let was_understood = again.step(&self.given, &mut out);
        let size = out.len();
        let end = again.step(&EMPTY_BLOCKS, &mut out);
        was_understood.is_none() || end != Some((EMPTY_BLOCKS.len(), true)) || out.len() != size
    }

    /// Returns the output of `input`, up to the end of a stream, or `None` for invalid DEFLATE data.
    fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Option<(usize, bool)> {
        let start = self.stream.total_in();
        loop {
            out.reserve(ROOM);
            let room = out.capacity() - out.len();
            let before = out.len();
            let taken = (self.stream.total_in() - start) as usize;
            let status = self.stream.decompress_vec(&input[taken..], out, FlushDecompress::Sync).ok()?;
            let taken = (self.stream.total_in() - start) as usize;
            let has_room = out.len() - before < room;
            if status == Status::StreamEnd || (has_room && taken == input.len()) {
                return Some((taken, status == Status::StreamEnd));
            }
            if has_room && status == Status::BufError {
                return None;
            }
        }
    }
}

fn compress(level: u32, window_bits: u8) -> Compress {
    Compress::new_with_window_bits(Compression::new(level), false, window_bits.max(SMALLEST))
}

fn decompress(window_bits: u8) -> Decompress {
    Decompress::new_with_window_bits(false, window_bits.max(SMALLEST))
}

const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// zlib's smallest window.
const SMALLEST: u8 = 9;

const ROOM: usize = 8 * 1024;

/// Two empty stored blocks, the second with BFINAL.
const EMPTY_BLOCKS: [u8; 10] = [0x00, 0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF];

/// Our limit on final blocks in one message.
const MAX_FINAL_BLOCKS: u32 = 64;
