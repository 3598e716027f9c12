//! Giving memory back to the system after a load has gone.
//!
//! mimalloc returns the free memory of a segment when something is freed in it, if nothing was freed there for about 10 ms.
//! Of many connections that leave at once the last ones leave all of it behind, and nothing is freed any more. So
//! it is given the occasion, again and again: what is freed at once is returned only the next time.

use std::{fs, hint::black_box, sync::OnceLock, time::Duration};

use tokio::time::sleep;

/// Takes note of what the process holds before its first connection.
pub(crate) fn note_start() {
    AT_START.get_or_init(|| Resident::read().map_or(0, |resident| resident.now));
}

/// Has the allocator return what is free on this thread, if the process holds more than at its start.
pub(crate) async fn give_back() {
    let resident = Resident::read().unwrap_or(ASSUMED);
    if resident.now <= AT_START.get().copied().unwrap_or(0) + TOLERATED {
        return;
    }
    // What the thread keeps for its next messages stands between free pages.
    silverback::release_spare_memory();
    // The blocks lie on all that is free, which may be as much as was ever held. They are not written to: memory that is not
    // resident costs nothing.
    let count = resident.peak.min(MOST_COVERED) / BLOCK;
    let mut blocks: Vec<Vec<u8>> = (0..count).map(|_| black_box(Vec::with_capacity(BLOCK))).collect();
    // Each round has the allocator return what the round before has freed.
    while !blocks.is_empty() {
        let freed = blocks.len().div_ceil(2).min(SEGMENT / BLOCK) as u32;
        blocks = blocks.into_iter().skip(1).step_by(2).collect();
        sleep(RETURNED_AFTER + POSTPONED_BY * freed).await;
    }
    // Whole segments are returned 100 ms after they were freed, when another one is freed.
    for _ in 0..2 {
        sleep(SEGMENT_RETURNED_AFTER).await;
        drop(black_box(Vec::<u8>::with_capacity(SEGMENT)));
    }
}

/// The resident memory of the process, in bytes.
#[derive(Clone, Copy, Debug)]
struct Resident {
    now: usize,
    peak: usize,
}

impl Resident {
    /// `None` if the system does not tell.
    fn read() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let bytes = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse().ok().map(|kib: usize| kib * 1024)
        };
        Some(Self { now: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }
}

static AT_START: OnceLock<usize> = OnceLock::new();

/// Where the system does not tell.
const ASSUMED: Resident = Resident { now: 256 * 1024 * 1024, peak: 256 * 1024 * 1024 };

/// Up to this much more than at the start is not worth looking for.
const TOLERATED: usize = 4 * 1024 * 1024;

/// A few milliseconds of work.
const MOST_COVERED: usize = 1024 * 1024 * 1024;

/// Small enough for what a page of small objects leaves behind, too.
const BLOCK: usize = 256 * 1024;

/// mimalloc waits 10 ms for free memory to be used again.
const RETURNED_AFTER: Duration = Duration::from_millis(15);

/// By so much mimalloc postpones the return of what is free in a segment for each block that is freed there meanwhile.
const POSTPONED_BY: Duration = Duration::from_millis(1);

const SEGMENT_RETURNED_AFTER: Duration = Duration::from_millis(150);

/// An allocation of this size has a segment of its own.
const SEGMENT: usize = 32 * 1024 * 1024;
