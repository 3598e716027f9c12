//! The frame whose payload is arriving: how much of it is missing, and at which byte of the mask it continues.

use crate::wire::{header::FrameHeader, mask::MaskKey, opcode::Opcode};

#[derive(Clone, Copy, Debug)]
pub(super) struct FrameInProgress {
    opcode: Opcode,
    ends_message: bool,
    mask: Option<MaskKey>,
    payload_len: u64,
    /// Payload bytes already unmasked. Always <= payload_len.
    unmasked: u64,
}

impl FrameInProgress {
    pub(super) fn new(header: &FrameHeader) -> Self {
        Self {
            opcode: header.opcode,
            ends_message: header.is_final(),
            mask: header.mask,
            payload_len: header.payload_len(),
            unmasked: 0,
        }
    }

    pub(super) fn opcode(&self) -> Opcode {
        self.opcode
    }

    pub(super) fn ends_message(&self) -> bool {
        self.ends_message
    }

    /// The payload length that the header declares.
    pub(super) fn payload_len(&self) -> u64 {
        self.payload_len
    }

    pub(super) fn remaining(&self) -> u64 {
        self.payload_len - self.unmasked
    }

    /// Unmasks and returns the payload bytes at the front of `input`.
    pub(super) fn take_from<'a>(&mut self, input: &'a mut [u8]) -> &'a mut [u8] {
        let len = usize::try_from(self.remaining()).map_or(input.len(), |remaining| remaining.min(input.len()));
        let piece = &mut input[..len];
        self.unmask(piece);
        piece
    }

    /// Unmasks the next piece of the payload, which is no longer than what remains.
    pub(super) fn unmask(&mut self, piece: &mut [u8]) {
        if let Some(key) = self.mask {
            key.apply(self.unmasked, piece);
        }
        self.unmasked += piece.len() as u64;
    }
}
