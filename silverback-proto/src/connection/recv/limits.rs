//! Which limits hold: those of whoever reads now, also for what was admitted under another reader's.

use super::{Phase, Receiver};
use crate::{
    Delivery, FrameHeader, Limits,
    assembler::with_overhead,
    error::{ConnectionError, LimitError},
    rules::Expected,
};

impl Receiver {
    #[inline]
    pub(super) fn expected(&self, header: &FrameHeader, limits: Limits) -> Expected {
        Expected {
            sender: self.role.peer(),
            message_is_open: self.assembler.is_open(),
            rsv1_has_a_meaning: self.assembler.can_inflate(),
            limits: Limits { frame: self.frame_limit(header.rsv1(), limits), ..limits },
        }
    }

    pub(super) fn limits_for(&self, delivery: Delivery) -> Limits {
        match delivery {
            Delivery::Whole => self.limits,
            // Nothing is kept, so the count of fragments is no matter: a message of 10 GiB has many.
            Delivery::Pieces { limit } => Limits { message: limit, frame: limit, fragments: u32::MAX },
        }
    }

    /// Judges a message that is open anew when another reader takes over: what was to be streamed may be too large to be
    /// kept, and the other way round.
    pub(super) fn admit_again(&mut self, delivery: Delivery) -> Result<(), ConnectionError> {
        if delivery == self.delivery {
            return Ok(());
        }
        self.delivery = delivery;
        let limits = self.limits_for(delivery);
        if let Phase::Data(frame) = &self.phase {
            let (size, limit) = (frame.payload_len(), self.frame_limit(false, limits));
            if size > limit {
                return Err(LimitError::Frame { size, limit }.into());
            }
        }
        Ok(self.assembler.admit_again(&limits)?)
    }

    fn frame_limit(&self, begins_compressed: bool, limits: Limits) -> u64 {
        let is_compressed = begins_compressed || self.assembler.is_compressed();
        if is_compressed { with_overhead(limits.frame) } else { limits.frame }
    }
}
