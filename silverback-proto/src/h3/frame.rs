//! Frames (RFC 9114, 7.1): headers to fields and back, and the cutting of a stream into headers and payloads.
//! `rules` decides whether a frame is allowed.

use std::{fmt, ops::Deref, ops::Range};

use super::varint;

/// The type of a frame (7.2). Unknown types are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameType(u64);

impl FrameType {
    /// The content of a message, or the bytes of a tunnel.
    pub const DATA: Self = Self(0x0);
    /// A field section.
    pub const HEADERS: Self = Self(0x1);
    /// The cancellation of a server push.
    pub const CANCEL_PUSH: Self = Self(0x3);
    /// The settings of an endpoint, once, as the first frame of its control stream.
    pub const SETTINGS: Self = Self(0x4);
    /// The promise of a server push.
    pub const PUSH_PROMISE: Self = Self(0x5);
    /// The announcement that the connection will accept no more requests.
    pub const GOAWAY: Self = Self(0x7);
    /// The permission to push.
    pub const MAX_PUSH_ID: Self = Self(0xD);

    /// Creates a frame type from its number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number on the wire.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Whether the number belongs to a frame of HTTP/2 without a counterpart in HTTP/3 (7.2.8): PRIORITY, PING,
    /// WINDOW_UPDATE and CONTINUATION.
    pub const fn is_reserved_for_http2(self) -> bool {
        matches!(self.0, 0x2 | 0x6 | 0x8 | 0x9)
    }
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::DATA => "DATA",
            Self::HEADERS => "HEADERS",
            Self::CANCEL_PUSH => "CANCEL_PUSH",
            Self::SETTINGS => "SETTINGS",
            Self::PUSH_PROMISE => "PUSH_PROMISE",
            Self::GOAWAY => "GOAWAY",
            Self::MAX_PUSH_ID => "MAX_PUSH_ID",
            Self(number) => return write!(f, "0x{number:x}"),
        })
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The type of the frame.
    pub frame_type: FrameType,
    /// The declared length of the payload, in bytes. It is only a promise of the peer.
    pub payload_len: u64,
}

impl FrameHeader {
    /// Creates the header of a DATA frame. It goes before `payload_len` bytes of a tunnel or of content.
    ///
    /// ```
    /// use silverback_proto::h3::FrameHeader;
    /// assert_eq!(*FrameHeader::data(5).encode(), [0x00, 0x05]);
    /// ```
    pub const fn data(payload_len: u64) -> Self {
        Self { frame_type: FrameType::DATA, payload_len }
    }

    /// Reads a header from the front of `input`. Returns it and its length in bytes, or `None` if it is incomplete.
    pub fn decode(input: &[u8]) -> Option<(Self, usize)> {
        let (number, type_len) = varint::decode(input)?;
        let (payload_len, len) = varint::decode(&input[type_len..])?;
        Some((Self { frame_type: FrameType(number), payload_len }, type_len + len))
    }

    /// Returns the header as bytes.
    pub fn encode(&self) -> FrameHeaderBytes {
        let mut bytes = [0; MAX_FRAME_HEADER_LEN];
        let mut rest = &mut bytes[..];
        varint::encode(self.frame_type.0, &mut rest);
        varint::encode(self.payload_len, &mut rest);
        let len = MAX_FRAME_HEADER_LEN - rest.len();
        FrameHeaderBytes { len: len as u8, bytes }
    }
}

/// Returns a GOAWAY frame for our control stream (5.2). A server sends the ID of the first stream that it will not process,
/// and no later GOAWAY may name a higher one. A client sends 0, because it accepts no pushes.
pub fn goaway_frame(id: u64) -> Vec<u8> {
    let mut payload = Vec::new();
    varint::encode(id, &mut payload);
    let header = FrameHeader { frame_type: FrameType::GOAWAY, payload_len: payload.len() as u64 };
    [&*header.encode(), &payload].concat()
}

/// The bytes of a header.
#[derive(Clone, Copy, Debug)]
pub struct FrameHeaderBytes {
    len: u8,
    bytes: [u8; MAX_FRAME_HEADER_LEN],
}

impl Deref for FrameHeaderBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Cuts the bytes of a stream into headers and payloads. The input may be cut anywhere.
#[derive(Debug)]
pub(super) struct FrameReader {
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Between frames, or inside a header of which `len` bytes have arrived.
    Header { partial: [u8; MAX_FRAME_HEADER_LEN], len: u8 },
    /// Inside a payload of which this many bytes are missing.
    Payload { remaining: u64 },
}

/// A part of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FramePart {
    /// A header. At least one payload follows it, even if it is empty.
    Header(FrameHeader),
    /// Some or all of the payload, which is at this place of the input.
    Payload { range: Range<usize>, ends_frame: bool },
}

impl FrameReader {
    pub(super) fn new() -> Self {
        Self { phase: Phase::BETWEEN_FRAMES }
    }

    /// Returns the next part, and adds the number of bytes that it used to `consumed`. Returns `None` if the input is
    /// used up.
    pub(super) fn next_part(&mut self, input: &[u8], consumed: &mut usize) -> Option<FramePart> {
        let rest = &input[*consumed..];
        match &mut self.phase {
            Phase::Header { partial, len } => {
                let had = usize::from(*len);
                let take = rest.len().min(MAX_FRAME_HEADER_LEN - had);
                partial[had..had + take].copy_from_slice(&rest[..take]);
                let Some((header, header_len)) = FrameHeader::decode(&partial[..had + take]) else {
                    *len += take as u8;
                    *consumed += take;
                    return None;
                };
                *consumed += header_len - had;
                self.phase = Phase::Payload { remaining: header.payload_len };
                Some(FramePart::Header(header))
            }
            Phase::Payload { remaining } => {
                if rest.is_empty() && *remaining > 0 {
                    return None;
                }
                let take = usize::try_from(*remaining).map_or(rest.len(), |remaining| remaining.min(rest.len()));
                let range = *consumed..*consumed + take;
                *consumed += take;
                *remaining -= take as u64;
                let ends_frame = *remaining == 0;
                if ends_frame {
                    self.phase = Phase::BETWEEN_FRAMES;
                }
                Some(FramePart::Payload { range, ends_frame })
            }
        }
    }

    /// Whether no frame is incomplete.
    pub(super) fn is_between_frames(&self) -> bool {
        matches!(self.phase, Phase::Header { len: 0, .. })
    }
}

impl Phase {
    const BETWEEN_FRAMES: Self = Self::Header { partial: [0; MAX_FRAME_HEADER_LEN], len: 0 };
}

/// The most bytes of a frame header: two integers of 8 bytes each.
pub const MAX_FRAME_HEADER_LEN: usize = 2 * varint::MAX_LEN;
