//! Masking and UTF-8 validation in obviously correct versions, to compare the fast ones with.

/// Masks or unmasks `bytes`, of which the first is byte `offset` of its payload (RFC 6455, 5.3).
///
/// ```
/// use silverback_testkit::wire::naive_mask;
/// let mut bytes = *b"abc";
/// naive_mask([1, 0, 0, 2], 3, &mut bytes);
/// assert_eq!(bytes, [b'a' ^ 2, b'b' ^ 1, b'c']);
/// ```
pub fn naive_mask(key: [u8; 4], offset: usize, bytes: &mut [u8]) {
    for (index, byte) in bytes.iter_mut().enumerate() {
        // Reduced first, so that an offset near usize::MAX cannot overflow.
        *byte ^= key[(offset % 4 + index % 4) % 4];
    }
}

/// The state of bytes that may be the start of a longer text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf8Prefix {
    /// Valid, and ends between two characters.
    Valid,
    /// Valid so far; the character that begins at byte `from` is not complete.
    Incomplete {
        /// Where the unfinished character begins.
        from: usize,
    },
    /// No valid text starts like this.
    Invalid {
        /// The first invalid byte. The bytes before it could still have become a text.
        at: usize,
    },
}

/// Validates the start of a text by the table of RFC 3629, section 4.
///
/// ```
/// use silverback_testkit::wire::{Utf8Prefix, naive_utf8_prefix};
/// assert_eq!(naive_utf8_prefix("κ".as_bytes()), Utf8Prefix::Valid);
/// assert_eq!(naive_utf8_prefix(b"ab\xce"), Utf8Prefix::Incomplete { from: 2 });
/// assert_eq!(naive_utf8_prefix(b"a\xed\xa0"), Utf8Prefix::Invalid { at: 2 });
/// ```
#[must_use]
pub fn naive_utf8_prefix(bytes: &[u8]) -> Utf8Prefix {
    let mut start = 0;
    while start < bytes.len() {
        let lead = bytes[start];
        let Some(row) = TABLE.iter().find(|row| within(row[0], lead)) else {
            return Utf8Prefix::Invalid { at: start };
        };
        for (index, range) in row.iter().enumerate() {
            match bytes.get(start + index) {
                None => return Utf8Prefix::Incomplete { from: start },
                Some(byte) if within(*range, *byte) => {}
                Some(_) => return Utf8Prefix::Invalid { at: start + index },
            }
        }
        start += row.len();
    }
    Utf8Prefix::Valid
}

fn within((lowest, highest): (u8, u8), byte: u8) -> bool {
    lowest <= byte && byte <= highest
}

const TAIL: (u8, u8) = (0x80, 0xBF);

/// RFC 3629, section 4: UTF8-1 to UTF8-4, one row for each alternative.
const TABLE: [&[(u8, u8)]; 9] = [
    &[(0x00, 0x7F)],
    &[(0xC2, 0xDF), TAIL],
    &[(0xE0, 0xE0), (0xA0, 0xBF), TAIL],
    &[(0xE1, 0xEC), TAIL, TAIL],
    &[(0xED, 0xED), (0x80, 0x9F), TAIL],
    &[(0xEE, 0xEF), TAIL, TAIL],
    &[(0xF0, 0xF0), (0x90, 0xBF), TAIL, TAIL],
    &[(0xF1, 0xF3), TAIL, TAIL, TAIL],
    &[(0xF4, 0xF4), (0x80, 0x8F), TAIL, TAIL],
];
