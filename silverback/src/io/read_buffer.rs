//! The read buffer of each thread, which a readable connection borrows, and the input that a connection keeps.

use std::{cell::RefCell, mem, ops::Range};

use silverback_proto::{buffer, deflate};

/// Bytes that have arrived and were not handled yet. An idle connection has none, and no memory for them.
#[derive(Debug, Default)]
pub(crate) struct Input {
    storage: Vec<u8>,
    source: Source,
    /// Where the bytes of the last [`handle`](Self::handle) begin. They end where `unread` ends, and may still be
    /// borrowed.
    lent_from: usize,
    /// The range in `storage`.
    unread: Range<usize>,
}

/// Where the memory comes from.
#[derive(Clone, Copy, Debug, Default)]
enum Source {
    /// A small buffer. Little input is moved here, so that a slow application does not keep the thread's buffer.
    #[default]
    Small,
    /// The thread's buffer.
    Thread,
}

impl Input {
    /// Takes the input that came with the handshake.
    pub(crate) fn new(leftover: Vec<u8>) -> Self {
        let unread = 0..leftover.len();
        Self { storage: leftover, source: Source::Small, lent_from: 0, unread }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }

    /// Returns the bytes to handle now. Ranges that the receiver returns are relative to their start.
    #[inline]
    pub(crate) fn handle(&mut self) -> &mut [u8] {
        self.lent_from = self.unread.start;
        &mut self.storage[self.unread.clone()]
    }

    /// Marks the first bytes as handled.
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        self.unread.start += count;
    }

    /// Returns the bytes of the last [`handle`](Self::handle).
    #[inline]
    pub(crate) fn handled(&self) -> &[u8] {
        &self.storage[self.lent_from..self.unread.end]
    }

    /// Returns the memory to the thread if all bytes are handled. No bytes may be borrowed.
    #[inline]
    pub(crate) fn release_if_empty(&mut self) {
        if self.is_empty() {
            self.release();
        }
    }

    /// Returns the memory to the thread.
    pub(crate) fn release(&mut self) {
        let storage = mem::take(&mut self.storage);
        (self.lent_from, self.unread) = (0, 0..0);
        match self.source {
            Source::Small => give_back_small(storage),
            Source::Thread => give_back_large(storage),
        }
    }

    /// Takes the first `count` bytes of `buffer` from a read. The input must be empty.
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

/// A page-aligned buffer, zeroed once when it was created.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    storage: Vec<u8>,
    /// The start of the first page in `storage`.
    start: usize,
}

impl ReadBuffer {
    /// Takes the thread's buffer, of at least `size` bytes.
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
/// messages, and the state of compressors. This is for programs that want to return memory to the system after a load.
///
/// A thread keeps at most 2 read buffers, 64 buffers of 8 KiB, and 2 compressors and decompressors. That is about 1.5
/// MiB with the default settings. All threads together keep 9 MiB of large buffers. Connections are not affected.
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
    // When a thread ends, its spare buffers are freed first. This memory is then freed too.
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

/// Input of up to this size is moved out of the thread's buffer. The copy costs less than a percent of the read.
const SMALL: usize = 4 * 1024;

/// The number of spare buffers that a thread keeps.
const SPARE_LARGE: usize = 2;
const SPARE_SMALL: usize = 64;

const PAGE: usize = 4096;
