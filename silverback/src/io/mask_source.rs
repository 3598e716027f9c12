//! Mask keys for clients: unpredictable (RFC 6455, 5.3 and 10.3), drawn from the system in blocks.

#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use silverback_proto::MaskKey;

/// Makes sure that a process which was forked off does not repeat the keys of its parent. To be called for each new
/// connection: for each frame, asking the system who we are would cost a system call.
pub(crate) fn prepare() {
    PROCESS.store(process::id(), Ordering::Relaxed);
}

/// The next key of this thread's block.
pub(crate) fn next_mask_key() -> MaskKey {
    BLOCK.with_borrow_mut(Block::next)
}

struct Block {
    keys: [u8; BLOCK_LEN],
    /// Bytes of `keys` that are used up.
    used: usize,
    /// Who drew them.
    process: u32,
}

impl Block {
    fn next(&mut self) -> MaskKey {
        let process = PROCESS.load(Ordering::Relaxed);
        if self.used == BLOCK_LEN || self.process != process {
            // Without a source of randomness no frame of a client may leave: there is nothing better to do than to stop.
            #[allow(clippy::expect_used, reason = "the system's random source fails only where none is configured")]
            getrandom::fill(&mut self.keys).expect("the system gives random bytes");
            (self.used, self.process) = (0, process);
        }
        let key = &mut self.keys[self.used..self.used + 4];
        self.used += 4;
        let mut mask = [0; 4];
        // What was used is wiped: it must not be found in memory afterwards.
        mask.swap_with_slice(key);
        MaskKey(mask)
    }
}

/// The process that opened the newest connection.
static PROCESS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static BLOCK: RefCell<Block> = const { RefCell::new(Block { keys: [0; BLOCK_LEN], used: BLOCK_LEN, process: 0 }) };
}

/// One system call for 256 frames.
const BLOCK_LEN: usize = 1024;
