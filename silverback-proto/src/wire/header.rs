//! Frame headers (RFC 6455, 5.2): bytes to fields and back.
//! `rules` decides whether a header is allowed.

#[cfg(test)]
mod tests;

use std::ops::Deref;

use super::{
    mask::MaskKey,
    opcode::{MessageKind, Opcode},
};

/// The fields of a frame header, as they are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    is_final: bool,
    reserved_bits: u8,
    /// The opcode of the frame.
    pub opcode: Opcode,
    /// The key, if the payload is masked.
    pub mask: Option<MaskKey>,
    payload_len: u64,
    /// How many bytes the length takes after the first two: 0, 2 or 8. A header that was read may use more than it
    /// needs, but never fewer than `payload_len` needs.
    length_bytes: u8,
}

impl FrameHeader {
    /// Creates the header of an unfragmented frame without reserved bits.
    pub const fn new(opcode: Opcode, payload_len: u64) -> Self {
        Self { is_final: true, reserved_bits: 0, opcode, mask: None, payload_len, length_bytes: shortest(payload_len) }
    }

    /// The same header with another FIN bit.
    pub const fn with_final(mut self, is_final: bool) -> Self {
        self.is_final = is_final;
        self
    }

    /// The same header with RSV1 set or not. RSV1 marks a compressed message (RFC 7692, 6).
    pub const fn with_rsv1(mut self, rsv1: bool) -> Self {
        self.reserved_bits = (self.reserved_bits & !RSV1) | if rsv1 { RSV1 } else { 0 };
        self
    }

    /// The same header with a mask key, or without.
    pub const fn with_mask(mut self, mask: Option<MaskKey>) -> Self {
        self.mask = mask;
        self
    }

    /// Reads a header from the front of `input`. Returns `None` if it is incomplete.
    ///
    /// ```
    /// use silverback_proto::{FrameHeader, Opcode};
    /// let header = FrameHeader::decode(&[0x81, 0x05, b'H']).unwrap();
    /// assert_eq!((header.opcode, header.payload_len(), header.encoded_len()), (Opcode::TEXT, 5, 2));
    /// ```
    #[inline(always)]
    pub fn decode(input: &[u8]) -> Option<Self> {
        let (&[first, second], rest) = input.split_first_chunk::<2>()?;
        let (payload_len, length_bytes, rest) = match second & 0x7F {
            126 => {
                let (len, rest) = rest.split_first_chunk::<2>()?;
                (u64::from(u16::from_be_bytes(*len)), 2, rest)
            }
            127 => {
                let (len, rest) = rest.split_first_chunk::<8>()?;
                (u64::from_be_bytes(*len), 8, rest)
            }
            len => (u64::from(len), 0, rest),
        };
        let mask = match second & MASKED {
            0 => None,
            _ => Some(MaskKey(*rest.first_chunk::<4>()?)),
        };
        Some(Self {
            is_final: first & FIN != 0,
            reserved_bits: first & (RSV1 | RSV2 | RSV3),
            opcode: Opcode::from_bits(first),
            mask,
            payload_len,
            length_bytes,
        })
    }

    /// The length of the frame at the front of `input`, including its header; `None` if its length cannot be read yet.
    #[inline]
    pub(crate) fn frame_len(input: &[u8]) -> Option<u64> {
        Self::decode(input).map(|header| header.payload_len.saturating_add(header.encoded_len() as u64))
    }

    /// The declared length of the payload, in bytes. It is not validated: the top bit may be set.
    #[inline]
    pub const fn payload_len(&self) -> u64 {
        self.payload_len
    }

    /// Returns the header as bytes, with the length in its shortest form (5.2).
    #[inline]
    pub fn encode(&self) -> HeaderBytes {
        let mut bytes = [0; MAX_HEADER_LEN];
        let fin = if self.is_final { FIN } else { 0 };
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        bytes[0] = fin | self.reserved_bits | self.opcode.bits();
        let mut len = match self.payload_len {
            len @ 0..=125 => {
                bytes[1] = masked | len as u8;
                2
            }
            len @ 126..=65_535 => {
                bytes[1] = masked | 126;
                bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                4
            }
            len => {
                bytes[1] = masked | 127;
                bytes[2..10].copy_from_slice(&len.to_be_bytes());
                10
            }
        };
        if let Some(MaskKey(key)) = self.mask {
            bytes[len..len + 4].copy_from_slice(&key);
            len += 4;
        }
        HeaderBytes { len: len as u8, bytes }
    }

    /// The number of bytes of the header, as it was read or as `encode` writes it.
    pub const fn encoded_len(&self) -> usize {
        2 + self.length_bytes as usize + if self.mask.is_some() { 4 } else { 0 }
    }

    /// FIN: this frame is the last of its message.
    pub const fn is_final(&self) -> bool {
        self.is_final
    }

    /// RSV1, which permessage-deflate uses (RFC 7692, 6).
    pub const fn rsv1(&self) -> bool {
        self.reserved_bits & RSV1 != 0
    }

    /// RSV2 or RSV3, which no extension uses.
    pub const fn has_unknown_reserved_bits(&self) -> bool {
        self.reserved_bits & (RSV2 | RSV3) != 0
    }

    /// The kind of the message if this frame is all of it: final, without reserved bits, and with the shortest length.
    #[inline]
    pub(crate) fn whole_message(&self) -> Option<MessageKind> {
        let kind = match self.opcode {
            Opcode::TEXT => MessageKind::Text,
            Opcode::BINARY => MessageKind::Binary,
            _ => return None,
        };
        (self.is_final && self.reserved_bits == 0 && self.has_minimal_length()).then_some(kind)
    }

    /// Whether the length had the shortest of the three forms.
    pub const fn has_minimal_length(&self) -> bool {
        match self.length_bytes {
            0 => true,
            2 => self.payload_len > 125,
            _ => self.payload_len > 65_535,
        }
    }
}

const fn shortest(payload_len: u64) -> u8 {
    match payload_len {
        0..=125 => 0,
        126..=65_535 => 2,
        _ => 8,
    }
}

/// The bytes of a header.
#[derive(Clone, Copy, Debug)]
pub struct HeaderBytes {
    len: u8,
    bytes: [u8; MAX_HEADER_LEN],
}

impl HeaderBytes {
    /// The header, padded to the length of the longest one. Copying this fixed length is faster than copying the exact
    /// one.
    pub(crate) fn padded(&self) -> (&[u8; MAX_HEADER_LEN], usize) {
        (&self.bytes, usize::from(self.len))
    }
}

impl Deref for HeaderBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The length of the longest header: two bytes, eight of length and four of mask key.
pub const MAX_HEADER_LEN: usize = 14;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;
const MASKED: u8 = 0x80;
