//! The memory of an idle connection.

use super::*;

/// A connection has two allocations: one of 384 bytes for its reader, and one of 448 bytes, with the counters of its
/// `Arc`, for the state that the halves share. Allocators have exactly these sizes, so one more byte would cost 64.
#[cfg(target_pointer_width = "64")]
#[test]
fn both_halves_of_an_idle_connection_fit_what_allocators_have() {
    let sizes = (size_of::<Driver>(), size_of::<Shared>());
    assert!(sizes.0 <= 384 && sizes.1 <= 448 - 16, "{sizes:?} bytes");
}
