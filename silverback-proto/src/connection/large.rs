//! Builds the frames of large messages outside the transmitter, piece by piece, so that its owner holds no lock while
//! bytes are compressed, copied and masked. The compressor moves along, and returns when the frame is queued.

use std::{
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

use super::compressor::Compressor;
use crate::{
    deflate::Deflater,
    message::{
        Message, MessageRef,
        buffer::Buffer,
        prepared::{Encoded, PreparedMessage},
    },
    wire::{header::FrameHeader, mask::MaskKey},
};

/// The source of a large message.
#[derive(Debug)]
pub enum LargeSource<'a> {
    /// An owned message. A server sends it by reference if it is not compressed.
    Owned(Message),
    /// A borrowed message, which is copied.
    Borrowed(MessageRef<'a>),
    /// A prepared message, of which a client masks a copy. [`LargePreparation`] makes its compressed form.
    Prepared(&'a PreparedMessage),
}

impl LargeSource<'_> {
    /// The message.
    pub fn as_ref(&self) -> MessageRef<'_> {
        match self {
            Self::Owned(message) => message.as_ref(),
            Self::Borrowed(message) => *message,
            Self::Prepared(message) => message.message().as_ref(),
        }
    }
}

/// A large message while its frame is built. [`Transmitter::begin_large`](super::Transmitter::begin_large) returns it.
#[derive(Debug)]
pub struct LargeMessage<'a> {
    id: LargeId,
    source: Source<'a>,
    header: FrameHeader,
    mask: Option<MaskKey>,
    /// The compressor of the transmitter, if the message is compressed.
    compressor: Option<Box<Compressor>>,
    step: Step,
    /// The output of the current step, and at the end the payload. Empty if the source itself is the payload.
    made: Made,
    /// Bytes that the current step has processed.
    done: usize,
}

/// Identifies a large message among those of all connections, because it can be finished only where it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LargeId(NonZeroU64);

impl LargeId {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(NonZeroU64::MIN.saturating_add(LAST.fetch_add(1, Ordering::Relaxed)))
    }
}

#[derive(Debug)]
enum Source<'a> {
    Message(LargeSource<'a>),
    /// The payload of a prepared frame.
    Prepared(Encoded),
}

#[derive(Debug)]
enum Made {
    Nothing,
    Compressed(Vec<u8>),
    Copied(Buffer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Compress,
    /// Copies the source, and masks the copy if this is a client.
    Copy,
    /// Masks the compressed payload.
    Mask,
    Done,
    /// The message was cancelled: there is nothing to do, and no frame.
    Abandoned,
}

impl<'a> LargeMessage<'a> {
    /// Begins a message. With a compressor it is compressed, if that makes it smaller.
    pub(super) fn new(source: LargeSource<'a>, mask: Option<MaskKey>, compressor: Option<Box<Compressor>>) -> Self {
        let message = source.as_ref();
        let header = FrameHeader::new(message.kind().opcode(), message.as_bytes().len() as u64);
        let step = if compressor.is_some() { Step::Compress } else { plain_step(&source, mask) };
        let source = Source::Message(source);
        Self { id: LargeId::next(), source, header, mask, compressor, step, made: Made::Nothing, done: 0 }
    }

    /// Begins a prepared frame, which a client masks with a new key.
    pub(super) fn prepared(encoded: Encoded, mask: Option<MaskKey>) -> Self {
        let (header, source) = (encoded.header(), Source::Prepared(encoded));
        let id = LargeId::next();
        Self { id, source, header, mask, compressor: None, step: Step::Copy, made: Made::Nothing, done: 0 }
    }

    /// Does a piece of the work, a few milliseconds at most. Returns whether it was the last.
    pub fn work(&mut self) -> bool {
        if self.step == Step::Compress {
            self.compress();
        }
        match self.step {
            Step::Copy => self.copy(),
            Step::Mask => self.mask(),
            Step::Compress | Step::Done | Step::Abandoned => {}
        }
        matches!(self.step, Step::Done | Step::Abandoned)
    }

    pub(super) fn id(&self) -> LargeId {
        self.id
    }

    /// Whether the frame is complete.
    pub(super) fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    fn compress(&mut self) {
        let Source::Message(source) = &self.source else { return self.go_to(Step::Copy) };
        let Some(compressor) = &mut self.compressor else { return self.go_to(Step::Copy) };
        let mut made = match std::mem::replace(&mut self.made, Made::Nothing) {
            Made::Compressed(made) => made,
            Made::Nothing | Made::Copied(_) => Vec::new(),
        };
        match compress_piece(compressor.deflater(), source.as_ref().as_bytes(), &mut self.done, &mut made) {
            None => self.made = Made::Compressed(made),
            Some(true) => {
                self.header = FrameHeader::new(self.header.opcode, made.len() as u64).with_rsv1(true);
                self.made = Made::Compressed(made);
                self.go_to(if self.mask.is_some() { Step::Mask } else { Step::Done });
            }
            Some(false) => self.go_to(plain_step(source, self.mask)),
        }
    }

    fn copy(&mut self) {
        let payload = match &self.source {
            Source::Message(source) => source.as_ref().as_bytes(),
            Source::Prepared(encoded) => encoded.payload(),
        };
        if let Made::Nothing = self.made {
            self.made = Made::Copied(Buffer::with_capacity(payload.len()));
        }
        let Made::Copied(copy) = &mut self.made else { return self.go_to(Step::Done) };
        let piece = next_piece(payload, self.done, COPIED_AT_ONCE);
        copy.extend_from_slice(piece);
        if let Some(key) = self.mask {
            key.apply(self.done as u64, &mut copy.as_mut_slice()[self.done..]);
        }
        self.done += piece.len();
        if self.done == payload.len() {
            self.go_to(Step::Done);
        }
    }

    fn mask(&mut self) {
        let (Made::Compressed(payload), Some(key)) = (&mut self.made, self.mask) else { return self.go_to(Step::Done) };
        let end = payload.len().min(self.done + COPIED_AT_ONCE);
        key.apply(self.done as u64, &mut payload[self.done..end]);
        self.done = end;
        if self.done == payload.len() {
            self.go_to(Step::Done);
        }
    }

    fn go_to(&mut self, step: Step) {
        (self.step, self.done) = (step, 0);
    }

    /// Cancels the message: drops the work done so far, so that finishing it is fast.
    pub fn reset(&mut self) {
        if let Some(compressor) = &mut self.compressor {
            // The receiver will never see this message, so later messages must not refer to it.
            compressor.forget();
        }
        (self.made, self.step) = (Made::Nothing, Step::Abandoned);
    }

    /// Returns the compressor, and the frame's header and payload if the frame is complete.
    pub(super) fn into_parts(self) -> (Option<Box<Compressor>>, Option<(FrameHeader, Bytes)>) {
        if !self.is_done() {
            return (self.compressor, None);
        }
        let payload = match (self.made, self.source) {
            (Made::Compressed(payload), _) => Bytes::from(payload),
            (Made::Copied(payload), _) => payload.into_bytes(),
            (Made::Nothing, Source::Message(LargeSource::Owned(message))) => message.into_bytes(),
            (Made::Nothing, _) => Bytes::new(),
        };
        (self.compressor, Some((self.header.with_mask(self.mask), payload)))
    }
}

/// The compressed form of a large prepared message while it is made. This needs no lock.
#[derive(Debug)]
pub struct LargePreparation {
    message: PreparedMessage,
    deflater: Deflater,
    made: Vec<u8>,
    done: usize,
}

impl LargePreparation {
    pub(super) fn new(deflater: Deflater, message: &PreparedMessage) -> Self {
        Self { message: message.clone(), deflater, made: Vec::new(), done: 0 }
    }

    /// Does a piece of the work, a few milliseconds at most. Returns whether it was the last. After it the message
    /// keeps the compressed form.
    pub fn work(&mut self) -> bool {
        let payload = self.message.message().as_bytes();
        let Some(shrinks) = compress_piece(&mut self.deflater, payload, &mut self.done, &mut self.made) else {
            return false;
        };
        self.message.keep_compressed(self.deflater.key(), shrinks.then_some(&self.made));
        (self.made, self.done) = (Vec::new(), 0);
        true
    }
}

/// Compresses the next piece of a whole message. After the last piece, returns whether the message became smaller.
fn compress_piece(deflater: &mut Deflater, message: &[u8], done: &mut usize, made: &mut Vec<u8>) -> Option<bool> {
    let piece = next_piece(message, *done, COMPRESSED_AT_ONCE);
    *done += piece.len();
    if *done < message.len() {
        deflater.shrink_part(piece, made);
        return None;
    }
    Some(deflater.shrink_rest(message, piece, made))
}

fn next_piece(message: &[u8], done: usize, most: usize) -> &[u8] {
    let rest = message.get(done..).unwrap_or_default();
    &rest[..rest.len().min(most)]
}

fn plain_step(source: &LargeSource<'_>, mask: Option<MaskKey>) -> Step {
    match (source, mask) {
        (LargeSource::Owned(_), None) => Step::Done,
        _ => Step::Copy,
    }
}

/// One or two milliseconds of work.
const COMPRESSED_AT_ONCE: usize = 256 * 1024;

/// Less than a millisecond of work.
const COPIED_AT_ONCE: usize = 4 * 1024 * 1024;
