//! Buffers for large payloads: they start on a page and are reused by the thread that drops them.
//!
//! Both are worth up to a factor of two from 4 KiB up: a copy whose destination lies a few bytes behind its source
//! modulo the page is slow on common processors, and a fresh large allocation costs a page fault for each page.

#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::{BufMut, Bytes};

/// Bytes that grow as they arrive. From [`LARGE`] bytes of capacity up they start on a page and are pooled.
#[derive(Default)]
pub struct Buffer {
    storage: Vec<u8>,
    /// Where the data begins; what lies before only fills up to the page. Always <= storage.len().
    start: usize,
}

impl Buffer {
    /// An empty buffer with room for `capacity` bytes, or with less if there is not so much memory.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::pooled(capacity).unwrap_or_else(|| Self::new_aligned(capacity))
    }

    /// An empty buffer with room for `capacity` bytes, if the thread has one at hand: it costs no new memory.
    pub fn pooled(capacity: usize) -> Option<Self> {
        if capacity < LARGE {
            return None;
        }
        let needed = capacity.checked_add(PAGE)?;
        let storage = POOL.try_with(|pool| pool.borrow_mut().take(needed)).ok().flatten()?;
        Some(Self::aligned(storage))
    }

    /// How many bytes there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.storage.len() - self.start
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes fit without another allocation.
    pub fn capacity(&self) -> usize {
        self.storage.capacity() - self.start
    }

    /// How many more bytes fit without another allocation.
    #[inline]
    pub fn room(&self) -> usize {
        self.storage.capacity() - self.storage.len()
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.storage[self.start..]
    }

    /// The bytes, to be changed in place.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.storage[self.start..]
    }

    /// Appends bytes.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.storage.extend_from_slice(bytes);
    }

    /// Appends the first `len` bytes of `bytes`.
    #[inline]
    pub(crate) fn extend_from_padded<const N: usize>(&mut self, bytes: &[u8; N], len: usize) {
        let end = self.storage.len() + len.min(N);
        self.storage.extend_from_slice(bytes);
        self.storage.truncate(end);
    }

    /// Drops all but the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.storage.truncate(self.start.saturating_add(len));
    }

    /// Makes sure that `capacity` bytes fit in all. If there is not so much memory, the buffer stays as it is.
    pub fn grow_to(&mut self, capacity: usize) {
        if capacity <= self.capacity() {
            return;
        }
        let mut grown = Self::with_capacity(capacity);
        if grown.capacity() >= capacity {
            grown.extend_from_slice(self.as_slice());
            *self = grown;
        }
    }

    /// The room behind the bytes, for a reader that appends at most `limit` bytes to it.
    pub fn spare(&mut self, limit: usize) -> impl BufMut {
        let room = self.room();
        (&mut self.storage).limit(room.min(limit))
    }

    /// The bytes, shared; a large buffer returns to its pool when the last handle is dropped.
    pub fn into_bytes(mut self) -> Bytes {
        if self.is_large() { Bytes::from_owner(self) } else { Bytes::from(std::mem::take(&mut self.storage)) }
    }

    fn new_aligned(capacity: usize) -> Self {
        let mut storage = Vec::new();
        let is_large = capacity >= LARGE;
        let needed = if is_large { capacity.saturating_add(PAGE) } else { capacity };
        match storage.try_reserve_exact(needed) {
            Ok(()) if is_large => Self::aligned(storage),
            Ok(()) | Err(_) => Self { storage, start: 0 },
        }
    }

    fn aligned(mut storage: Vec<u8>) -> Self {
        let start = storage.as_ptr().align_offset(PAGE).min(PAGE);
        // A buffer from the pool was filled up to its page before: zeroing that again costs more than a small message.
        storage.truncate(start);
        storage.resize(start, 0);
        Self { storage, start }
    }

    fn is_large(&self) -> bool {
        self.storage.capacity() >= LARGE
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.is_large() {
            let storage = std::mem::take(&mut self.storage);
            // At the end of a thread the pool is gone first: then the memory just goes.
            let _ = POOL.try_with(|pool| pool.borrow_mut().put(storage));
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} of {} bytes)", self.len(), self.capacity())
    }
}

/// Frees the large buffers that this thread keeps for its next messages.
pub fn release_spare() {
    let _ = POOL.try_with(|pool| pool.borrow_mut().clear());
}

/// What a thread keeps for its next large buffers.
struct Pool {
    free: Vec<Vec<u8>>,
    /// Of all threads together.
    pooled: &'static Pooled,
}

/// The sum of the capacities in all pools. Always <= POOL_LIMIT.
#[derive(Default)]
struct Pooled(AtomicUsize);

impl Pooled {
    /// Whether so many bytes more may be pooled. Then they count.
    fn add(&self, bytes: usize) -> bool {
        let sum = |pooled: usize| pooled.checked_add(bytes).filter(|sum| *sum <= POOL_LIMIT);
        // It guards no other memory, so no order matters.
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
    }

    fn subtract(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Tests run side by side, each with a thread of its own.
    #[cfg(test)]
    fn of_this_thread() -> &'static Self {
        Box::leak(Box::default())
    }

    #[cfg(not(test))]
    fn of_this_thread() -> &'static Self {
        static OF_ALL_THREADS: Pooled = Pooled(AtomicUsize::new(0));
        &OF_ALL_THREADS
    }
}

impl Pool {
    fn new(pooled: &'static Pooled) -> Self {
        Self { free: Vec::new(), pooled }
    }

    /// A buffer that fits and is not so much larger that a message which is kept would pin the rest.
    fn take(&mut self, capacity: usize) -> Option<Vec<u8>> {
        let fits = |storage: &Vec<u8>| (capacity..=capacity.saturating_mul(2)).contains(&storage.capacity());
        let found = self.free.iter().rposition(fits)?;
        let storage = self.free.swap_remove(found);
        self.pooled.subtract(storage.capacity());
        Some(storage)
    }

    fn put(&mut self, storage: Vec<u8>) {
        if self.pooled.add(storage.capacity()) {
            self.free.push(storage);
        }
    }

    fn clear(&mut self) {
        for storage in std::mem::take(&mut self.free) {
            self.pooled.subtract(storage.capacity());
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.clear();
    }
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::new(Pool::new(Pooled::of_this_thread()));
}

/// Capacity from which a buffer is aligned and pooled.
pub const LARGE: usize = 16 * 1024;

/// What all threads together keep at most: eight messages of 1 MiB.
const POOL_LIMIT: usize = 9 * 1024 * 1024;

/// The most that a buffer may hold: no allocation exceeds `isize::MAX` bytes, the page in front included.
pub(crate) const MAX_CAPACITY: usize = isize::MAX as usize - PAGE;

const PAGE: usize = 4096;
