//! Large messages on their way to be frames: compressed, copied and masked away from the transmitter, a piece at a time, so
//! that its owner holds no lock meanwhile. The compressor goes along, and comes back when the frame is queued.

use std::{
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

use super::compressor::Compressor;
use crate::{
    deflate::deflater::Deflater,
    message::{
        Message, MessageRef,
        buffer::Buffer,
        prepared::{Encoded, PreparedMessage},
    },
    wire::{header::FrameHeader, mask::MaskKey},
};

/// What a large message is made of.
#[derive(Debug)]
pub enum LargeSource<'a> {
    /// Owned: a server sends it by reference if it is not compressed.
    Owned(Message),
    /// Lent: it is copied.
    Borrowed(MessageRef<'a>),
    /// Encoded before: a client masks a copy. Its compressed form is made by a [`LargePreparation`].
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

/// A message that is being made into a frame. [`Transmitter::begin_large`](super::Transmitter::begin_large) gives it.
#[derive(Debug)]
pub struct LargeMessage<'a> {
    id: LargeId,
    source: Source<'a>,
    header: FrameHeader,
    mask: Option<MaskKey>,
    /// The transmitter's, if the message is compressed.
    compressor: Option<Box<Compressor>>,
    step: Step,
    /// What this step has made. The payload, once all is done; nothing if the source is the payload.
    made: Made,
    /// Bytes that this step has worked through.
    done: usize,
}

/// Tells a large message from those of all other connections: it can be finished where it began, and nowhere else.
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
    /// The payload of a frame that was built before.
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
    /// Copies the source, masked if it has to be.
    Copy,
    /// Masks what was compressed.
    Mask,
    Done,
    /// It is not to be sent: there is nothing to do, and no frame.
    Abandoned,
}

impl<'a> LargeMessage<'a> {
    /// With a compressor it is compressed, if that makes it smaller.
    pub(super) fn new(source: LargeSource<'a>, mask: Option<MaskKey>, compressor: Option<Box<Compressor>>) -> Self {
        let message = source.as_ref();
        let header = FrameHeader::new(message.kind().opcode(), message.as_bytes().len() as u64);
        let step = if compressor.is_some() { Step::Compress } else { plain_step(&source, mask) };
        let source = Source::Message(source);
        Self { id: LargeId::next(), source, header, mask, compressor, step, made: Made::Nothing, done: 0 }
    }

    /// A frame that was built before, to be masked anew.
    pub(super) fn prepared(encoded: Encoded, mask: Option<MaskKey>) -> Self {
        let (header, source) = (encoded.header(), Source::Prepared(encoded));
        let id = LargeId::next();
        Self { id, source, header, mask, compressor: None, step: Step::Copy, made: Made::Nothing, done: 0 }
    }

    /// Does a piece of the work, of some milliseconds at most; whether it was the last.
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

    /// Whether the frame is made.
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

    /// Forgets what was made, so that giving it back is quick. The message can no longer be sent.
    pub fn reset(&mut self) {
        if let Some(compressor) = &mut self.compressor {
            // The receiver will never see this message, so nothing that follows may refer to it.
            compressor.forget();
        }
        (self.made, self.step) = (Made::Nothing, Step::Abandoned);
    }

    /// The compressor, and if all is done the frame's header and payload.
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

/// The form of a large prepared message that a connection's compressor asks for, in the making: no lock is needed for it.
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

    /// Does a piece of the work, of some milliseconds at most; whether it was the last. Then the message has its form.
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

/// Compresses the next piece of a whole message. Says at its end whether it became smaller.
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
