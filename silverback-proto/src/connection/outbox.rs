//! The output queue: small frames gathered in one buffer and large payloads by reference, in the order of sending.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, io::IoSlice};

use bytes::Bytes;

use crate::{
    message::buffer::Buffer,
    wire::header::{FrameHeader, HeaderBytes},
};

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The segments that are sent before `tail`, oldest first.
    segments: VecDeque<Segment>,
    /// Gathers small frames. It ends at the end of a frame.
    tail: Buffer,
    /// Bytes already sent of the oldest segment, or of `tail` once all segments have left.
    left: usize,
    /// Bytes at the front of the oldest buffer whose frame began in bytes that `compact` dropped.
    torn: usize,
    /// All bytes that are not sent yet.
    queued: usize,
}

#[derive(Debug)]
struct Segment {
    bytes: SegmentBytes,
    /// Whether the segment begins with a frame. A payload by reference does not: its header is in the segment before.
    begins_frame: bool,
    /// Whether a control frame may follow, which must not be between a header and its payload.
    ends_frame: bool,
    /// Whether the segment was queued ahead of earlier output.
    is_urgent: bool,
}

#[derive(Debug)]
enum SegmentBytes {
    Gathered(Buffer),
    Shared(Bytes),
}

impl Outbox {
    /// Bytes that are not sent yet.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Queues a copy of a frame, and returns the copy of its payload for masking.
    #[inline(always)]
    pub(super) fn push_frame(&mut self, header: &HeaderBytes, payload: &[u8]) -> &mut [u8] {
        let (padded, header_len) = header.padded();
        self.make_room(padded.len() + payload.len());
        self.tail.extend_from_padded(padded, header_len);
        let start = self.tail.len();
        self.tail.extend_from_slice(payload);
        self.queued += header_len + payload.len();
        &mut self.tail.as_mut_slice()[start..]
    }

    /// Queues a copy of one or more frames, given in pieces.
    fn push_copied(&mut self, pieces: [&[u8]; 2]) {
        let len = pieces[0].len() + pieces[1].len();
        self.make_room(len);
        for piece in pieces {
            self.tail.extend_from_slice(piece);
        }
        self.queued += len;
    }

    /// Queues a copy of encoded frames.
    pub(super) fn push_built(&mut self, frames: &[u8]) {
        self.push_copied([frames, b""]);
    }

    /// Queues a header and its payload, the payload by reference.
    pub(super) fn push_shared(&mut self, header: &[u8], payload: Bytes) {
        self.push_copied([header, b""]);
        let begins_frame = header.is_empty();
        self.close_tail(begins_frame);
        self.queued += payload.len();
        let bytes = SegmentBytes::Shared(payload);
        self.segments.push_back(Segment { bytes, begins_frame, ends_frame: true, is_urgent: false });
    }

    /// Queues a small frame ahead of earlier output, directly after the frame that is being sent. Returns how many
    /// bytes must be sent until this frame is sent too.
    pub(super) fn push_urgent(&mut self, pieces: [&[u8]; 2]) -> usize {
        let Some(boundary) = self.segments.iter().position(|segment| segment.ends_frame) else {
            self.push_copied(pieces);
            return self.queued;
        };
        let place = boundary + 1;
        let len = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        self.queued += len;
        match self.segments.get_mut(place) {
            // Urgent frames keep their order, so that a flood of pings gets its pongs in order and in one buffer.
            Some(Segment { bytes: SegmentBytes::Gathered(frames), is_urgent: true, .. }) => {
                pieces.into_iter().for_each(|piece| frames.extend_from_slice(piece));
            }
            _ => {
                let mut frame = Buffer::with_capacity(len);
                pieces.into_iter().for_each(|piece| frame.extend_from_slice(piece));
                self.segments.insert(place, Segment::urgent(frame));
            }
        }
        self.segments.range(..=place).map(|segment| segment.bytes.as_slice().len()).sum::<usize>() - self.left
    }

    /// Drops every frame of which no byte was sent. Returns the number of dropped bytes.
    pub(super) fn drop_unbegun(&mut self) -> usize {
        self.close_tail(true);
        let Some(oldest) = self.segments.front_mut() else { return 0 };
        let len = oldest.bytes.as_slice().len();
        let end = if oldest.begins_frame { frame_end(oldest.bytes.as_slice(), self.torn, self.left) } else { len };
        // A payload by reference continues the frame whose header is in the segment before.
        let kept = if end == 0 { 0 } else { 1 + usize::from(end > len) };
        if let SegmentBytes::Gathered(frames) = &mut oldest.bytes {
            frames.truncate(end);
        }
        self.segments.truncate(kept);
        let waited = self.queued;
        self.queued = self.segments.iter().map(|segment| segment.bytes.as_slice().len()).sum::<usize>() - self.left;
        if self.queued == 0 {
            self.segments.clear();
            self.give_back();
        }
        waited - self.queued
    }

    /// Queues a last frame in a new buffer, because output that was accepted before it has been dropped.
    pub(super) fn push_last(&mut self, pieces: [&[u8]; 2]) {
        self.close_tail(true);
        let mut frame = Buffer::with_capacity(pieces[0].len() + pieces[1].len());
        pieces.into_iter().for_each(|piece| frame.extend_from_slice(piece));
        self.queued += frame.len();
        self.segments.push_back(Segment::urgent(frame));
    }

    /// Fills `slices` with the bytes to send next and returns how many slices it filled.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let segments = self.segments.iter().map(|segment| segment.bytes.as_slice());
        let all = segments.chain([self.tail.as_slice()]).filter(|bytes| !bytes.is_empty());
        let mut filled = 0;
        for (slice, bytes) in slices.iter_mut().zip(all) {
            let start = if filled == 0 { self.left } else { 0 };
            *slice = IoSlice::new(&bytes[start..]);
            filled += 1;
        }
        filled
    }

    /// Removes `count` bytes that were sent.
    pub(super) fn advance(&mut self, count: usize) {
        self.queued = self.queued.saturating_sub(count);
        self.left += count;
        while let Some(oldest) = self.segments.front() {
            let len = oldest.bytes.as_slice().len();
            if self.left < len {
                return;
            }
            (self.left, self.torn) = (self.left - len, 0);
            self.segments.pop_front();
        }
        if self.queued == 0 {
            self.give_back();
        }
    }

    /// Moves a small remainder out of a large buffer, so that a peer that does not read cannot pin the large one.
    pub(super) fn compact(&mut self) {
        let remainder = self.tail.len().saturating_sub(self.left);
        if self.segments.is_empty() && remainder * 4 < self.tail.capacity() {
            let mut compact = Buffer::with_capacity(remainder);
            compact.extend_from_slice(&self.tail.as_slice()[self.left..]);
            self.torn = frame_end(self.tail.as_slice(), self.torn, self.left) - self.left;
            (self.tail, self.left) = (compact, 0);
        }
    }

    /// Drops all output.
    pub(super) fn clear(&mut self) {
        self.queued = 0;
        self.segments.clear();
        self.give_back();
    }

    fn give_back(&mut self) {
        (self.left, self.torn) = (0, 0);
        self.tail = Buffer::default();
        if self.segments.capacity() > KEPT_SEGMENTS {
            self.segments = VecDeque::new();
        }
    }

    /// Makes sure that `len` bytes fit into `tail`.
    #[inline]
    fn make_room(&mut self, len: usize) {
        if len > self.tail.room() {
            self.begin_tail(len);
        }
    }

    #[cold]
    fn begin_tail(&mut self, len: usize) {
        if self.tail.len() + len > GATHERED {
            self.close_tail(true);
        }
        self.tail.grow_to(GATHERED.max(len));
    }

    fn close_tail(&mut self, ends_frame: bool) {
        if !self.tail.is_empty() {
            let bytes = SegmentBytes::Gathered(std::mem::take(&mut self.tail));
            self.segments.push_back(Segment { bytes, begins_frame: true, ends_frame, is_urgent: false });
        }
    }
}

impl Segment {
    /// A segment of urgent frames.
    fn urgent(frames: Buffer) -> Self {
        Self { bytes: SegmentBytes::Gathered(frames), begins_frame: true, ends_frame: true, is_urgent: true }
    }
}

/// Returns where the frame ends that byte `left` of `frames` belongs to, or 0 if `left` is 0. The first `torn` bytes
/// are the rest of an older frame. The result may exceed `frames.len()` if the payload is queued by reference.
fn frame_end(frames: &[u8], torn: usize, left: usize) -> usize {
    let mut end = torn;
    while end < left {
        let len = FrameHeader::frame_len(&frames[end..]).and_then(|len| usize::try_from(len).ok());
        end = end.saturating_add(len.unwrap_or(usize::MAX));
    }
    end
}

impl SegmentBytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Gathered(buffer) => buffer.as_slice(),
            Self::Shared(bytes) => bytes,
        }
    }
}

/// The most bytes that gather in one buffer. A control frame waits for at most this much.
const GATHERED: usize = 64 * 1024;

/// Capacity for segments that an idle connection keeps.
const KEPT_SEGMENTS: usize = 16;
