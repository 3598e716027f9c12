//! What a connection takes while nobody speaks.

use super::*;

/// A reader and what it shares with its writers are an allocation each: of 384 and, with the counters of an `Arc`, 448 bytes.
/// These are sizes that allocators have; a byte more would cost 64.
#[cfg(target_pointer_width = "64")]
#[test]
fn both_halves_of_an_idle_connection_fit_what_allocators_have() {
    assert!(size_of::<Driver>() <= 384, "{} bytes", size_of::<Driver>());
    assert!(size_of::<Shared>() <= 448 - 16, "{} bytes", size_of::<Shared>());
}
