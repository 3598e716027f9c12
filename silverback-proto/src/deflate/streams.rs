//! zlib's streams and what they write into, kept by each thread for the next message that needs them.

use std::cell::RefCell;

use zlib_rs::{Deflate, DeflateConfig, Inflate};

/// A compressor as if it were new.
pub(super) fn take_deflate(config: DeflateConfig) -> Box<Deflate> {
    let spare = SPARE.try_with(|spare| {
        let spare = &mut spare.borrow_mut().deflates;
        let found = spare.iter().position(|(other, _)| *other == config)?;
        Some(spare.swap_remove(found).1)
    });
    spare.ok().flatten().unwrap_or_else(|| Box::new(Deflate::new_with_config(config)))
}

/// Keeps a compressor for the next message, if there is room.
pub(super) fn put_deflate(config: DeflateConfig, mut stream: Box<Deflate>) {
    let _ = SPARE.try_with(|spare| {
        let spare = &mut spare.borrow_mut().deflates;
        if spare.len() < SPARE_STREAMS {
            stream.reset();
            spare.push((config, stream));
        }
    });
}

/// A decompressor as if it were new.
pub(super) fn take_inflate(window_bits: u8) -> Box<Inflate> {
    let spare = (window_bits == FULL_WINDOW)
        .then(|| SPARE.try_with(|spare| spare.borrow_mut().inflates.pop()).ok().flatten())
        .flatten();
    Box::new(spare.unwrap_or_else(|| Inflate::new(false, window_bits)))
}

/// Keeps a decompressor for the next message, if there is room. zlib-rs resets to a full window, so others just go.
pub(super) fn put_inflate(window_bits: u8, mut stream: Box<Inflate>) {
    if window_bits != FULL_WINDOW {
        return;
    }
    let _ = SPARE.try_with(|spare| {
        let spare = &mut spare.borrow_mut().inflates;
        if spare.len() < SPARE_STREAMS {
            stream.reset(false);
            spare.push(*stream);
        }
    });
}

/// Lends the buffer that streams write into.
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
    inflates: Vec<Inflate>,
}

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// What streams write into at a time. Zeroed once for each thread.
pub(super) const SCRATCH_LEN: usize = 16 * 1024;

/// The smallest window that zlib has.
pub(super) const MIN_ZLIB_WINDOW_BITS: u8 = 9;

const FULL_WINDOW: u8 = 15;

/// Streams of each kind that a thread keeps: a compressor takes up to 300 KiB.
const SPARE_STREAMS: usize = 2;
