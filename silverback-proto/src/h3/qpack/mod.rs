//! QPACK (RFC 9204) without dynamic table: field sections to fields and back, and the peer's two QPACK streams.

mod instructions;

pub(super) use instructions::{DecoderInstructions, check_encoder_instructions};
