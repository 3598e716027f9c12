//! The buffer that a thread lends to whichever connection is readable, and what a connection holds of it.

use std::{cell::RefCell, mem, ops::Range};

use silverback_proto::{buffer, deflate};

/// Bytes that have arrived and were not yet handled. An idle connection holds none, and no memory.
#[derive(Debug, Default)]
pub(crate) struct Input {
    storage: Vec<u8>,
    source: Source,
    /// What was handled last, and may still be lent: it ends where `unread` ends.
    lent_from: usize,
    /// Within `storage`.
    unread: Range<usize>,
}

/// Whose memory it is.
#[derive(Clone, Copy, Debug, Default)]
enum Source {
    /// Little input, moved out of the thread's buffer so that a slow application pins no more than it got.
    #[default]
    Small,
    /// The thread's buffer.
    Thread,
}

impl Input {
    /// Input that came with the handshake.
    pub(crate) fn new(early: Vec<u8>) -> Self {
        let unread = 0..early.len();
        Self { storage: early, source: Source::Small, lent_from: 0, unread }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }

    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.storage[self.unread.clone()]
    }

    /// What is to be handled now; ranges that come back are relative to its start.
    #[inline]
    pub(crate) fn handle(&mut self) -> &mut [u8] {
        self.lent_from = self.unread.start;
        &mut self.storage[self.unread.clone()]
    }

    /// The front of what was handled is done with.
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        self.unread.start += count;
    }

    /// What `handle` gave last.
    #[inline]
    pub(crate) fn handled(&self) -> &[u8] {
        &self.storage[self.lent_from..self.unread.end]
    }

    /// Gives the memory back once all of it is handled and nothing is lent.
    #[inline]
    pub(crate) fn release_if_empty(&mut self) {
        if self.is_empty() {
            self.release();
        }
    }

    /// Gives the memory back.
    pub(crate) fn release(&mut self) {
        let storage = mem::take(&mut self.storage);
        (self.lent_from, self.unread) = (0, 0..0);
        match self.source {
            Source::Small => give_back_small(storage),
            Source::Thread => give_back_large(storage),
        }
    }

    /// Takes what a read has put into the front of `buffer`. The input is empty before.
    pub(crate) fn fill(&mut self, mut buffer: ReadBuffer, count: usize) {
        self.release();
        if count <= SMALL {
            self.storage = take_small();
            self.storage.extend_from_slice(&buffer.as_slice()[..count]);
            (self.source, self.unread) = (Source::Small, 0..count);
        } else {
            let start = buffer.start;
            self.storage = mem::take(&mut buffer.storage);
            (self.source, self.unread) = (Source::Thread, start..start + count);
        }
        self.lent_from = self.unread.start;
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.release();
    }
}

/// A page-aligned buffer that was zeroed once, when the thread made it.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    storage: Vec<u8>,
    /// Where the first page in `storage` begins.
    start: usize,
}

impl ReadBuffer {
    /// The thread's buffer, of `size` bytes at least.
    pub(crate) fn take(size: usize) -> Self {
        let spare = SPARE.try_with(|spare| spare.borrow_mut().large.pop()).ok().flatten();
        spare.filter(|storage| storage.len() >= size + PAGE).map_or_else(|| Self::new(size), Self::aligned)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.storage[self.start..]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.storage[self.start..]
    }

    fn new(size: usize) -> Self {
        Self::aligned(vec![0; size + PAGE])
    }

    fn aligned(storage: Vec<u8>) -> Self {
        let start = storage.as_ptr().align_offset(PAGE).min(PAGE);
        Self { storage, start }
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        give_back_large(mem::take(&mut self.storage));
    }
}

/// Frees the memory that this thread keeps for the next messages of its connections: read buffers, buffers of large
/// messages, and the state of compressors. For programs that want it back when a load has gone.
///
/// A thread keeps at most 2 read buffers, 64 buffers of 8 KiB, and 2 compressors and decompressors, which is about 1.5 MiB
/// with the default settings. All threads together keep 9 MiB of large buffers. Connections are not affected.
///
/// ```
/// silverback::release_spare_memory();
/// ```
pub fn release_spare_memory() {
    let spare = SPARE.try_with(|spare| mem::take(&mut *spare.borrow_mut()));
    drop(spare);
    buffer::release_spare();
    deflate::release_spare();
}

#[derive(Default)]
struct Spare {
    large: Vec<Vec<u8>>,
    small: Vec<Vec<u8>>,
}

fn take_small() -> Vec<u8> {
    SPARE.try_with(|spare| spare.borrow_mut().small.pop()).ok().flatten().unwrap_or_default()
}

fn give_back_large(storage: Vec<u8>) {
    if storage.is_empty() {
        return;
    }
    // At the end of a thread the spare buffers are gone first: then the memory just goes.
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.large.len() < SPARE_LARGE {
            spare.large.push(storage);
        }
    });
}

fn give_back_small(mut bytes: Vec<u8>) {
    bytes.clear();
    if bytes.capacity() == 0 || bytes.capacity() > 2 * SMALL {
        return;
    }
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.small.len() < SPARE_SMALL {
            spare.small.push(bytes);
        }
    });
}

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// Up to this much input is moved out of the thread's buffer: the copy costs less than a percent of the read.
const SMALL: usize = 4 * 1024;

/// Spare buffers that a thread keeps.
const SPARE_LARGE: usize = 2;
const SPARE_SMALL: usize = 64;

const PAGE: usize = 4096;
