//! Integers that begin inside a byte (RFC 7541, 5.1, by RFC 9204, 4.1.1).

use crate::h3::error::FieldSectionFault;

/// Reads an integer whose first `prefix` bits are the low bits of the first byte. The bits above them are ignored.
pub(super) fn decode(input: &mut &[u8], prefix: u8) -> Result<u64, FieldSectionFault> {
    let mask = (1 << prefix) - 1;
    let mut value = u64::from(take_byte(input)? & mask as u8);
    if value < mask {
        return Ok(value);
    }
    for shift in (0..MAX_BITS).step_by(7) {
        let byte = take_byte(input)?;
        value += u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            // A sum of at most 63 bits and a prefix does not overflow.
            return if value <= MAX { Ok(value) } else { Err(FieldSectionFault::Integer) };
        }
    }
    Err(FieldSectionFault::Integer)
}

/// Writes an integer behind the bits above its prefix, which are `flags`.
pub(super) fn encode(flags: u8, prefix: u8, value: u64, into: &mut Vec<u8>) {
    let mask = (1 << prefix) - 1;
    if value < mask {
        into.push(flags | value as u8);
        return;
    }
    into.push(flags | mask as u8);
    let mut rest = value - mask;
    while rest > 0x7F {
        into.push(0x80 | (rest & 0x7F) as u8);
        rest >>= 7;
    }
    into.push(rest as u8);
}

fn take_byte(input: &mut &[u8]) -> Result<u8, FieldSectionFault> {
    let (first, rest) = input.split_first().ok_or(FieldSectionFault::Truncated)?;
    *input = rest;
    Ok(*first)
}

/// 4.1.1: integers of up to 62 bits must be read. Nothing here is longer.
const MAX: u64 = (1 << 62) - 1;

/// Nine bytes of 7 bits each hold 62 bits.
const MAX_BITS: u32 = 63;
