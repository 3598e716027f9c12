//! Faults of the broker.
