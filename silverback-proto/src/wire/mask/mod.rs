//! Masking (RFC 6455, 5.3): XOR with a four-byte key, in place.
//! The driver draws the keys.

#[cfg(test)]
mod tests;

use std::fmt;

/// The four bytes with which a client masks the payload of one frame.
///
/// It must be unpredictable and new for each frame (5.3, 10.3), so drivers draw it from a CSPRNG.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MaskKey(pub [u8; 4]);

impl MaskKey {
    /// XORs `payload` with the key; `offset` is how many bytes of the same payload came before it.
    ///
    /// Masking and unmasking are the same operation.
    ///
    /// ```
    /// use silverback_proto::MaskKey;
    /// let mut payload = *b"Hello";
    /// let key = MaskKey([0x37, 0xfa, 0x21, 0x3d]);
    /// key.apply(0, &mut payload[..2]);
    /// key.apply(2, &mut payload[2..]);
    /// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]); // RFC 6455, 5.7
    /// ```
    pub fn apply(self, offset: u64, payload: &mut [u8]) {
        let bits_before = (offset % 4) as u32 * 8;
        apply(u32::from_le_bytes(self.0).rotate_right(bits_before), payload);
    }
}

/// Hides the key, because payloads on the wire must stay unpredictable.
impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(..)")
    }
}

/// Masks block by block, which LLVM compiles to a few vector instructions each, and then the rest.
fn apply(key: u32, payload: &mut [u8]) {
    let pattern = u64::from(key) << 32 | u64::from(key);
    let mut blocks = payload.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        apply_words(pattern, block);
    }
    let mut words = blocks.into_remainder().chunks_exact_mut(WORD);
    for word in &mut words {
        apply_words(pattern, word);
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(pattern.to_le_bytes()) {
        *byte ^= mask;
    }
}

#[inline(always)]
fn apply_words(pattern: u64, bytes: &mut [u8]) {
    for word in bytes.chunks_exact_mut(WORD) {
        // Not `copy_from_slice`: without link-time optimization it stays a call for each word.
        if let Ok(word) = <&mut [u8; WORD]>::try_from(word) {
            *word = (u64::from_le_bytes(*word) ^ pattern).to_le_bytes();
        }
    }
}

const BLOCK: usize = 64;
const WORD: usize = 8;
