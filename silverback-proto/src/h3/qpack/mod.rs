//! QPACK (RFC 9204) without dynamic table: field sections to fields and back, and the peer's two QPACK streams.
//! `message` decides whether the fields are a valid message.

mod field_section;
mod huffman;
mod instructions;
mod integer;
mod static_table;
mod string;
#[cfg(test)]
mod tests;

pub use field_section::{Field, FieldSection};
pub(super) use instructions::{DecoderInstructions, check_encoder_instructions};
