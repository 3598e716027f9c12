//! Masking (RFC 6455, 5.3): XOR with a four-byte key, in place.
//! Where the key comes from is the business of the driver.

#[cfg(test)]
mod tests;

use std::fmt;

/// The four bytes that a client mixes into one frame's payload.
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
        apply(self.rotated(offset), payload);
    }

    fn rotated(self, offset: u64) -> Self {
        let mut key = self.0;
        key.rotate_left((offset % 4) as usize);
        Self(key)
    }
}

/// No word of the key in logs: it is what keeps payloads unpredictable.
impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(..)")
    }
}

/// Blocks that LLVM turns into vector instructions, then the rest; the pattern's length is a multiple of the key's.
fn apply(key: MaskKey, payload: &mut [u8]) {
    let mut pattern = [0; BLOCK];
    for (byte, mask) in pattern.iter_mut().zip(key.0.iter().cycle()) {
        *byte = *mask;
    }
    let mut blocks = payload.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        for (byte, mask) in block.iter_mut().zip(&pattern) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in blocks.into_remainder().iter_mut().zip(&pattern) {
        *byte ^= mask;
    }
}

const BLOCK: usize = 32;
