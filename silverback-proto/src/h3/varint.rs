//! Integers of variable length (RFC 9000, 16): two bits for the length, then 6, 14, 30 or 62 bits of the value.

use bytes::BufMut;

/// The largest value.
pub(super) const MAX: u64 = (1 << 62) - 1;

/// The most bytes of one integer.
pub(super) const MAX_LEN: usize = 8;

/// Reads the integer at the front of `input`. Returns its value and its length in bytes, or `None` if it is incomplete.
/// A value need not have its shortest form.
pub(super) fn decode(input: &[u8]) -> Option<(u64, usize)> {
    let len = 1 << (input.first()? >> 6);
    let mut bytes = [0; MAX_LEN];
    bytes[MAX_LEN - len..].copy_from_slice(input.get(..len)?);
    bytes[MAX_LEN - len] &= 0x3F;
    Some((u64::from_be_bytes(bytes), len))
}

/// Writes an integer in its shortest form. A value above [`MAX`] is written as `MAX`: no length reaches it, and a
/// limit of `u64::MAX` means the same.
pub(super) fn encode(value: u64, into: &mut impl BufMut) {
    match value {
        0..=0x3F => into.put_u8(value as u8),
        0x40..=0x3FFF => into.put_u16(0x4000 | value as u16),
        0x4000..=0x3FFF_FFFF => into.put_u32(0x8000_0000 | value as u32),
        _ => into.put_u64(0xC000_0000_0000_0000 | value.min(MAX)),
    }
}
