//! Mask keys for clients: unpredictable (RFC 6455, 5.3 and 10.3), from the system's random source, in blocks.

#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use silverback_proto::MaskKey;

/// Ensures that a forked process does not repeat the keys of its parent. Call this for each new connection. For each
/// frame it would cost too much, because asking for the process id is a system call.
pub(crate) fn prepare() {
    PROCESS.store(process::id(), Ordering::Relaxed);
}

/// Returns the next key of this thread's block.
pub(crate) fn next_mask_key() -> MaskKey {
    BLOCK.with_borrow_mut(Block::next)
}

struct Block {
    keys: [u8; BLOCK_LEN],
    /// The number of used bytes of `keys`.
    used: usize,
    /// The process that drew these keys.
    process: u32,
}

impl Block {
    fn next(&mut self) -> MaskKey {
        let process = PROCESS.load(Ordering::Relaxed);
        if self.used == BLOCK_LEN || self.process != process {
            // A client must not send a frame without random bytes (5.3), so only a panic is left.
            #[allow(clippy::expect_used, reason = "the system's random source fails only where none is configured")]
            getrandom::fill(&mut self.keys).expect("the system gives random bytes");
            (self.used, self.process) = (0, process);
        }
        let key = &mut self.keys[self.used..self.used + 4];
        self.used += 4;
        let mut mask = [0; 4];
        // Used keys are wiped, so that they cannot be found in memory later.
        mask.swap_with_slice(key);
        MaskKey(mask)
    }
}

/// The process that opened the newest connection.
static PROCESS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static BLOCK: RefCell<Block> = const { RefCell::new(Block { keys: [0; BLOCK_LEN], used: BLOCK_LEN, process: 0 }) };
}

/// One system call gives keys for 256 frames.
const BLOCK_LEN: usize = 1024;
