//! The peer's QPACK streams (RFC 9204, 4.3 and 4.4). We use no dynamic table, so nearly every instruction is an error.

use crate::h3::error::Error;

/// Validates bytes of the peer's encoder stream. Our table has a capacity of 0, so nothing can be inserted (3.2.3). We
/// tolerate only that the capacity is set to 0, which changes nothing.
pub(in crate::h3) fn check_encoder_instructions(input: &[u8]) -> Result<(), Error> {
    match input.iter().find(|byte| **byte != SET_CAPACITY_TO_0) {
        Some(byte) => Err(Error::EncoderInstruction(*byte)),
        None => Ok(()),
    }
}

/// The state of the peer's decoder stream. Only Stream Cancellation is allowed (4.4.2). The others acknowledge entries
/// of a dynamic table, and we have sent none.
#[derive(Debug, Default)]
pub(in crate::h3) struct DecoderInstructions {
    /// How many bytes of the current instruction have arrived.
    len: usize,
}

impl DecoderInstructions {
    pub(in crate::h3) fn handle_input(&mut self, input: &[u8]) -> Result<(), Error> {
        for byte in input {
            let is_complete = match self.len {
                0 if byte >> 6 != STREAM_CANCELLATION => return Err(Error::DecoderInstruction(*byte)),
                0 => byte & 0x3F != 0x3F,
                MAX_INSTRUCTION_LEN => return Err(Error::DecoderInstruction(*byte)),
                _ => byte & 0x80 == 0,
            };
            self.len = if is_complete { 0 } else { self.len + 1 };
        }
        Ok(())
    }
}

/// 4.3.1: Set Dynamic Table Capacity with the value 0.
const SET_CAPACITY_TO_0: u8 = 0b0010_0000;

/// 4.4.2: the two top bits of Stream Cancellation.
const STREAM_CANCELLATION: u8 = 0b01;

/// The first byte, and 9 bytes for the 62 bits of a stream ID (4.1.1).
const MAX_INSTRUCTION_LEN: usize = 10;
