//! Frame headers (RFC 6455, 5.2): bytes to fields and back.
//! Whether a header is allowed here and now is the business of `rules`.

#[cfg(test)]
mod tests;

use std::ops::Deref;

use super::{
    mask::MaskKey,
    opcode::{MessageKind, Opcode},
};

/// The fields of one frame's header, as they stand on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    is_final: bool,
    reserved_bits: u8,
    /// What the frame is.
    pub opcode: Opcode,
    /// The key, if the payload is masked.
    pub mask: Option<MaskKey>,
    payload_len: u64,
    /// How many bytes the length takes behind the first two: 0, 2 or 8. What was read may be longer than needed. Never
    /// shorter than `payload_len` needs.
    length_bytes: u8,
}

impl FrameHeader {
    /// A header of an unfragmented frame without reserved bits.
    pub const fn new(opcode: Opcode, payload_len: u64) -> Self {
        Self { is_final: true, reserved_bits: 0, opcode, mask: None, payload_len, length_bytes: shortest(payload_len) }
    }

    /// The same header with another FIN bit.
    pub const fn with_final(mut self, is_final: bool) -> Self {
        self.is_final = is_final;
        self
    }

    /// The same header with RSV1 set or not: the mark of a compressed message (RFC 7692, 6).
    pub const fn with_rsv1(mut self, rsv1: bool) -> Self {
        self.reserved_bits = (self.reserved_bits & !RSV1) | if rsv1 { RSV1 } else { 0 };
        self
    }

    /// The same header with a mask key, or without.
    pub const fn with_mask(mut self, mask: Option<MaskKey>) -> Self {
        self.mask = mask;
        self
    }

    /// Reads a header from the front of `input`; `None` while it is incomplete.
    ///
    /// ```
    /// use silverback_proto::{FrameHeader, Opcode};
    /// let header = FrameHeader::decode(&[0x81, 0x05, b'H']).unwrap();
    /// assert_eq!((header.opcode, header.payload_len(), header.encoded_len()), (Opcode::TEXT, 5, 2));
    /// ```
    #[inline]
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

    /// How long the frame at the front of `input` is, header included, as soon as its length can be read.
    #[inline]
    pub(crate) fn frame_len(input: &[u8]) -> Option<u64> {
        let &[_, second, ..] = input else { return None };
        let key = if second & MASKED == 0 { 0 } else { 4 };
        Some(match second & 0x7F {
            126 => 4 + key + u64::from(u16::from_be_bytes(*input.get(2..)?.first_chunk()?)),
            127 => u64::from_be_bytes(*input.get(2..)?.first_chunk()?).saturating_add(10 + key),
            len => 2 + key + u64::from(len),
        })
    }

    /// The payload's length in bytes as declared. Nothing has checked it: the top bit may be set.
    #[inline]
    pub const fn payload_len(&self) -> u64 {
        self.payload_len
    }

    /// The header as bytes, its length in the shortest form (5.2).
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

    /// How many bytes the header takes as it was read, or as `encode` writes it.
    pub const fn encoded_len(&self) -> usize {
        2 + self.length_bytes as usize + if self.mask.is_some() { 4 } else { 0 }
    }

    /// FIN: this frame is the last of its message.
    pub const fn is_final(&self) -> bool {
        self.is_final
    }

    /// RSV1, which permessage-deflate gives a meaning (RFC 7692, 6).
    pub const fn rsv1(&self) -> bool {
        self.reserved_bits & RSV1 != 0
    }

    /// RSV2 or RSV3, which nobody has given a meaning.
    pub const fn has_unknown_reserved_bits(&self) -> bool {
        self.reserved_bits & (RSV2 | RSV3) != 0
    }

    /// Whether the length stood in the shortest of the three forms.
    pub const fn has_minimal_length(&self) -> bool {
        match self.length_bytes {
            0 => true,
            2 => self.payload_len > 125,
            _ => self.payload_len > 65_535,
        }
    }
}

/// The header of a message that is one frame, in the shortest form and without reserved bits: the usual one, and quicker to
/// read than any other may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlainHeader {
    pub(crate) kind: MessageKind,
    pub(crate) mask: Option<MaskKey>,
    pub(crate) payload_len: u64,
    /// Where the payload begins.
    pub(crate) encoded_len: usize,
}

impl PlainHeader {
    /// Reads it from the front of `input`; `None` where something else stands, or not all of it.
    #[inline]
    pub(crate) fn decode(input: &[u8]) -> Option<Self> {
        let &[first, second, ..] = input else { return None };
        let kind = match first {
            PLAIN_TEXT => MessageKind::Text,
            PLAIN_BINARY => MessageKind::Binary,
            _ => return None,
        };
        let (payload_len, length_end) = match second & 0x7F {
            126 => (u64::from(u16::from_be_bytes(*input.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*input.get(2..)?.first_chunk()?), 10),
            len => (u64::from(len), 2),
        };
        if length_end > 2 && length_end != 2 + usize::from(shortest(payload_len)) {
            return None;
        }
        if second & MASKED == 0 {
            return Some(Self { kind, mask: None, payload_len, encoded_len: length_end });
        }
        let mask = MaskKey(*input.get(length_end..)?.first_chunk()?);
        Some(Self { kind, mask: Some(mask), payload_len, encoded_len: length_end + 4 })
    }
}

const fn shortest(payload_len: u64) -> u8 {
    match payload_len {
        0..=125 => 0,
        126..=65_535 => 2,
        _ => 8,
    }
}

/// A header as it goes on the wire.
#[derive(Clone, Copy, Debug)]
pub struct HeaderBytes {
    len: u8,
    bytes: [u8; MAX_HEADER_LEN],
}

impl HeaderBytes {
    /// The header, and what fills up to the length of the longest: copying it whole is quicker than asking how long it is.
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

/// The longest header: two bytes, eight of length, four of key.
pub const MAX_HEADER_LEN: usize = 14;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;
const MASKED: u8 = 0x80;
const PLAIN_TEXT: u8 = FIN | Opcode::TEXT.bits();
const PLAIN_BINARY: u8 = FIN | Opcode::BINARY.bits();
