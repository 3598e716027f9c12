//! The zlib streams and the output buffer that each thread keeps for the next message.

use std::cell::RefCell;

use zlib_rs::{Deflate, DeflateConfig, Inflate};

use super::params::MAX_WINDOW_BITS;

/// Returns a compressor whose window holds the dictionary, which is given in two parts.
pub(super) fn take_deflate(config: DeflateConfig, dictionary: [&[u8]; 2]) -> Box<Deflate> {
    let spare = SPARE.try_with(|spare| {
        let spare = &mut spare.borrow_mut().deflates;
        let found = spare.iter().position(|(other, _)| *other == config)?;
        Some(spare.swap_remove(found).1)
    });
    let mut stream = spare.ok().flatten().unwrap_or_else(|| Box::new(Deflate::new_with_config(config)));
    for part in dictionary.into_iter().filter(|part| !part.is_empty()) {
        // This cannot fail between messages. If it did, messages would be larger but still correct.
        let _ = stream.set_dictionary(part);
    }
    stream
}

/// Keeps a compressor for the next message, if the pool has room.
pub(super) fn put_deflate(config: DeflateConfig, mut stream: Box<Deflate>) {
    let _ = SPARE.try_with(|spare| {
        let spare = &mut spare.borrow_mut().deflates;
        if spare.len() < SPARE_STREAMS {
            stream.reset();
            spare.push((config, stream));
        }
    });
}

/// Returns a decompressor whose window holds the dictionary, which is given in two parts.
pub(super) fn take_inflate(dictionary: [&[u8]; 2]) -> Box<Inflate> {
    let spare = SPARE.try_with(|spare| spare.borrow_mut().inflates.pop()).ok().flatten();
    // zlib-rs gives any window 32 KiB, so all streams are alike.
    let mut stream = spare.unwrap_or_else(|| Box::new(Inflate::new(false, MAX_WINDOW_BITS)));
    for part in dictionary.into_iter().filter(|part| !part.is_empty()) {
        // This cannot fail between messages. If it did, the next message would fail.
        let _ = stream.set_dictionary(part);
    }
    stream
}

/// Keeps a decompressor for the next message, if the pool has room.
pub(super) fn put_inflate(mut stream: Box<Inflate>) {
    let _ = SPARE.try_with(|spare| {
        let spare = &mut spare.borrow_mut().inflates;
        if spare.len() < SPARE_STREAMS {
            stream.reset(false);
            spare.push(stream);
        }
    });
}

/// Frees the compressors and decompressors that this thread keeps for its next messages.
pub fn release_spare() {
    let spare = SPARE.try_with(|spare| std::mem::take(&mut *spare.borrow_mut()));
    drop(spare);
}

/// Calls `work` with the buffer that streams write into.
pub(super) fn with_scratch<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.resize(SCRATCH_LEN, 0);
        work(scratch)
    })
}

#[derive(Default)]
struct Spare {
    deflates: Vec<(DeflateConfig, Box<Deflate>)>,
    #[expect(clippy::vec_box, reason = "they come and go in their boxes, so that none is made for a message")]
    inflates: Vec<Box<Inflate>>,
}

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// The size of the buffer that streams write into. It is zeroed once for each thread.
pub(super) const SCRATCH_LEN: usize = 16 * 1024;

/// The smallest window that zlib has.
pub(super) const MIN_ZLIB_WINDOW_BITS: u8 = 9;

/// The bytes that zlib-rs allocates for a decompressor with any window.
pub(super) const INFLATE_SIZE: usize = 46 * 1024;

/// The bytes that zlib-rs allocates for a compressor: the window twice, a link for each of its positions, a hash table
/// of 64 Ki positions, 7 bytes for each pending symbol, and the state.
pub(super) fn deflate_size(config: &DeflateConfig) -> usize {
    let window = 1_usize << config.window_bits.unsigned_abs().min(15);
    let symbols = 1_usize << (config.mem_level.clamp(1, 9) + 6);
    2 * window + 2 * window + 2 * 64 * 1024 + 7 * symbols + 8 * 1024
}

/// How many streams of each kind a thread keeps. A compressor takes up to 300 KiB.
const SPARE_STREAMS: usize = 2;
