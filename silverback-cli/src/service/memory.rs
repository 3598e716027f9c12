//! Giving memory back to the system after connections have left.
//!
//! mimalloc returns free memory when something is freed beside it, 10 ms later at the earliest. Of many connections that
//! leave at once the last ones leave all of it behind, and nothing is freed any more. So it is given the occasion.

use std::hint::black_box;

/// Has the allocator return what so many connections have used, and is free.
pub(crate) fn give_back(connections: usize) {
    let count = connections * OF_A_CONNECTION / BLOCK + 1;
    // They are not written to: memory that is not resident costs nothing.
    let blocks: Vec<Vec<u8>> = (0..count).map(|_| black_box(Vec::with_capacity(BLOCK))).collect();
    drop(blocks);
}

/// More than one takes, so that the blocks lie on all that is free.
const OF_A_CONNECTION: usize = 4 * 1024;

const BLOCK: usize = 1024 * 1024;
