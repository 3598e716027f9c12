//! The memory reclaimer: gives memory back to the system after a load.
//!
//! mimalloc returns the free memory of a segment when something is freed in it and nothing was freed there for about 10
//! ms. If many connections leave at once, the last ones free all of it at once, and later nothing is freed any more. So
//! the reclaimer allocates and frees again and again, because memory freed in one round is returned only in the next.

use std::{fs, hint::black_box, sync::OnceLock, time::Duration};

use tokio::time::sleep;

/// Records the resident memory before the first connection.
pub(crate) fn note_start() {
    AT_START.get_or_init(|| Resident::read().map_or(0, |resident| resident.now));
}

/// Makes the allocator return this thread's free memory if the process holds more than at its start.
pub(crate) async fn give_back() {
    let resident = Resident::read().unwrap_or(ASSUMED);
    if resident.now <= AT_START.get().copied().unwrap_or(0) + TOLERATED {
        return;
    }
    // The thread's spare buffers lie between free pages and would keep them.
    silverback::release_spare_memory();
    // The blocks cover all free memory, up to the process's peak. They are never written, and memory that is not
    // resident costs nothing.
    let count = resident.peak.min(MOST_COVERED) / BLOCK;
    let mut blocks: Vec<Vec<u8>> = (0..count).map(|_| black_box(Vec::with_capacity(BLOCK))).collect();
    // In each round the allocator returns the memory that the round before has freed.
    while !blocks.is_empty() {
        let freed = blocks.len().div_ceil(2).min(SEGMENT / BLOCK) as u32;
        blocks = blocks.into_iter().skip(1).step_by(2).collect();
        sleep(RETURNED_AFTER + POSTPONED_BY * freed).await;
    }
    // mimalloc returns a whole segment 100 ms after it was freed, when another segment is freed.
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
    /// `None` if the system does not provide it.
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

/// Used if the system does not provide the figures.
const ASSUMED: Resident = Resident { now: 256 * 1024 * 1024, peak: 256 * 1024 * 1024 };

/// The reclaimer ignores growth up to this size.
const TOLERATED: usize = 4 * 1024 * 1024;

/// Covering this much takes a few milliseconds.
const MOST_COVERED: usize = 1024 * 1024 * 1024;

/// Small enough to also reach the memory that a page of small objects leaves free.
const BLOCK: usize = 256 * 1024;

/// mimalloc keeps free memory for 10 ms in case it is used again.
const RETURNED_AFTER: Duration = Duration::from_millis(15);

/// mimalloc postpones the return of a segment's free memory by this much for each block that is freed in it meanwhile.
const POSTPONED_BY: Duration = Duration::from_millis(1);

const SEGMENT_RETURNED_AFTER: Duration = Duration::from_millis(150);

/// An allocation of this size gets a whole segment.
const SEGMENT: usize = 32 * 1024 * 1024;
