//! The Huffman code of HPACK and QPACK (RFC 7541, 5.2 and appendix B).
//!
//! The code is canonical: sorted by length and then by symbol, each code is the one before it plus 1, with zeros
//! appended if it is longer. So the lengths alone give the whole table.

use crate::h3::error::FieldSectionFault;

/// The length of `text` after encoding, in bytes.
pub(super) fn encoded_len(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|byte| usize::from(LENGTHS[usize::from(*byte)])).sum();
    bits.div_ceil(8)
}

/// Appends the code of `text`, with ones at the end up to a whole byte.
pub(super) fn encode(text: &[u8], into: &mut Vec<u8>) {
    let (mut bits, mut pending) = (0_u64, 0);
    for byte in text {
        let symbol = usize::from(*byte);
        bits = bits << LENGTHS[symbol] | u64::from(CODES[symbol]);
        pending += u32::from(LENGTHS[symbol]);
        while pending >= 8 {
            pending -= 8;
            into.push((bits >> pending) as u8);
        }
    }
    if pending > 0 {
        let padding = 8 - pending;
        into.push((bits << padding) as u8 | ((1 << padding) - 1));
    }
}

/// Returns the text behind `code`. It is at most 8/5 times as long, because the shortest code has 5 bits.
pub(super) fn decode(code: &[u8]) -> Result<Vec<u8>, FieldSectionFault> {
    let mut text = Vec::new();
    let (mut bits, mut pending) = (0_u64, 0);
    for byte in code {
        bits = bits << 8 | u64::from(*byte);
        pending += 8;
        while let Some((symbol, len)) = first_symbol(bits, pending) {
            text.push(symbol);
            pending -= len;
        }
        // 5.2: the symbol for the end of the string must not appear. It alone has no entry here.
        if pending >= MAX_CODE_LEN {
            return Err(FieldSectionFault::Huffman);
        }
    }
    // 5.2: the padding is shorter than a byte, and all ones.
    let padding = (1 << pending) - 1;
    if pending > 7 || bits & padding != padding {
        return Err(FieldSectionFault::Huffman);
    }
    Ok(text)
}

/// The symbol at the front of the last `pending` bits, and the length of its code. `None` if it is incomplete.
fn first_symbol(bits: u64, pending: u32) -> Option<(u8, u32)> {
    for len in MIN_CODE_LEN..=pending.min(MAX_CODE_LEN) {
        let code = (bits >> (pending - len)) as u32 & ((1 << len) - 1);
        let Group { first_code, count, first_place } = GROUPS[len as usize];
        if code >= first_code && code - first_code < count {
            return Some((SORTED[(first_place + code - first_code) as usize], len));
        }
    }
    None
}

/// The codes of one length.
#[derive(Clone, Copy)]
struct Group {
    first_code: u32,
    count: u32,
    /// The place of the first one in `SORTED`.
    first_place: u32,
}

const GROUPS: [Group; MAX_CODE_LEN as usize + 1] = groups();
const SORTED: [u8; 256] = sorted();
const CODES: [u32; 256] = codes();

const fn groups() -> [Group; MAX_CODE_LEN as usize + 1] {
    let mut groups = [Group { first_code: 0, count: 0, first_place: 0 }; MAX_CODE_LEN as usize + 1];
    let mut symbol = 0;
    while symbol < 256 {
        groups[LENGTHS[symbol] as usize].count += 1;
        symbol += 1;
    }
    let mut len = 1;
    while len < groups.len() {
        let shorter = groups[len - 1];
        groups[len].first_code = (shorter.first_code + shorter.count) << 1;
        groups[len].first_place = shorter.first_place + shorter.count;
        len += 1;
    }
    groups
}

const fn sorted() -> [u8; 256] {
    let (mut sorted, mut next) = ([0; 256], groups());
    let mut symbol = 0;
    while symbol < 256 {
        let group = &mut next[LENGTHS[symbol] as usize];
        sorted[group.first_place as usize] = symbol as u8;
        group.first_place += 1;
        symbol += 1;
    }
    sorted
}

const fn codes() -> [u32; 256] {
    let (mut codes, mut next) = ([0; 256], groups());
    let mut symbol = 0;
    while symbol < 256 {
        let group = &mut next[LENGTHS[symbol] as usize];
        codes[symbol] = group.first_code;
        group.first_code += 1;
        symbol += 1;
    }
    codes
}

const MIN_CODE_LEN: u32 = 5;
const MAX_CODE_LEN: u32 = 30;

/// The length of each symbol's code, in bits. The symbol for the end of the string, which is never sent, would be the
/// last one with 30 bits.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
