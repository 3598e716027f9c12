//! String literals (RFC 7541, 5.2, by RFC 9204, 4.1.2): a bit that says whether the text is Huffman coded, the length,
//! and the text.

use bytes::Bytes;

use super::{huffman, integer};
use crate::h3::error::FieldSectionFault;

/// Reads a string whose Huffman bit is above the `prefix` bits of its length.
pub(super) fn decode(input: &mut &[u8], prefix: u8) -> Result<Bytes, FieldSectionFault> {
    let is_huffman = input.first().is_some_and(|byte| byte >> prefix & 1 == 1);
    let len = integer::decode(input, prefix)?;
    // Compare the length with the remaining input before anything is allocated.
    let end = usize::try_from(len).ok().filter(|end| *end <= input.len()).ok_or(FieldSectionFault::Truncated)?;
    let (text, rest) = input.split_at(end);
    *input = rest;
    if is_huffman { huffman::decode(text).map(Bytes::from) } else { Ok(Bytes::copy_from_slice(text)) }
}

/// Writes a string behind `flags`, Huffman coded if that is shorter.
pub(super) fn encode(flags: u8, prefix: u8, text: &[u8], into: &mut Vec<u8>) {
    let coded_len = huffman::encoded_len(text);
    if coded_len < text.len() {
        integer::encode(flags | 1 << prefix, prefix, coded_len as u64, into);
        huffman::encode(text, into);
    } else {
        integer::encode(flags, prefix, text.len() as u64, into);
        into.extend_from_slice(text);
    }
}
