//! The rules about one frame (RFC 6455, 5.1, 5.2, 5.4, 5.5): whether the peer may send it now.
//! `header` reads the bits, and the assembler checks the sums over a message.

#[cfg(test)]
mod tests;

use super::{
    error::{ConnectionError, LimitError, ProtocolError},
    header::FrameHeader,
    limits::Limits,
    opcode::Opcode,
    role::Role,
};

/// The state of the connection when a frame arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// The side that sends the frame.
    pub(crate) sender: Role,
    /// Whether a fragmented message has begun and not ended.
    pub(crate) message_is_open: bool,
    /// Whether an extension that uses RSV1 was negotiated.
    pub(crate) rsv1_has_a_meaning: bool,
    pub(crate) limits: Limits,
}

/// Validates a frame by its header alone, before any payload is kept.
#[inline]
pub(crate) fn check(header: &FrameHeader, expected: &Expected) -> Result<(), ConnectionError> {
    check_reserved(header, expected)?;
    check_length(header)?;
    if header.mask.is_some() != (expected.sender == Role::Client) {
        return Err(ProtocolError::WrongMasking { sender: expected.sender }.into());
    }
    if header.opcode.is_control() {
        check_control(header)?;
        return Ok(());
    }
    check_order(header.opcode, expected.message_is_open)?;
    if header.payload_len() > expected.limits.frame {
        return Err(LimitError::Frame { size: header.payload_len(), limit: expected.limits.frame }.into());
    }
    Ok(())
}

/// Fast path of `check` and of the limits on a message, for a frame that is a whole message: whether it is allowed. It
/// gives no reason.
#[inline]
pub(crate) fn allow_whole(header: &FrameHeader, sender: Role, limits: &Limits) -> bool {
    header.mask.is_some() == (sender == Role::Client)
        && header.payload_len() <= limits.frame
        && header.payload_len() <= limits.message
        && limits.fragments > 0
}

#[inline]
fn check_reserved(header: &FrameHeader, expected: &Expected) -> Result<(), ProtocolError> {
    // RFC 7692, 6.1: only the first frame of a data message may have RSV1 set.
    let starts_message = !header.opcode.is_control() && header.opcode != Opcode::CONTINUATION;
    let rsv1_allowed = expected.rsv1_has_a_meaning && starts_message;
    if header.has_unknown_reserved_bits() || (header.rsv1() && !rsv1_allowed) {
        return Err(ProtocolError::ReservedBits);
    }
    if header.opcode.is_reserved() {
        return Err(ProtocolError::ReservedOpcode(header.opcode));
    }
    Ok(())
}

#[inline]
fn check_length(header: &FrameHeader) -> Result<(), ProtocolError> {
    if header.payload_len() >> 63 != 0 {
        return Err(ProtocolError::LengthTopBit);
    }
    // 5.2: the sender MUST use the shortest form. We are strict, because a sender with this error has others too.
    if !header.has_minimal_length() {
        return Err(ProtocolError::OverlongLength { payload_len: header.payload_len() });
    }
    Ok(())
}

fn check_control(header: &FrameHeader) -> Result<(), ProtocolError> {
    if !header.is_final() {
        return Err(ProtocolError::FragmentedControl(header.opcode));
    }
    if header.payload_len() > MAX_CONTROL_LEN as u64 {
        return Err(ProtocolError::LongControl { opcode: header.opcode, payload_len: header.payload_len() });
    }
    Ok(())
}

#[inline]
fn check_order(opcode: Opcode, message_is_open: bool) -> Result<(), ProtocolError> {
    match (opcode == Opcode::CONTINUATION, message_is_open) {
        (true, false) => Err(ProtocolError::UnexpectedContinuation),
        (false, true) => Err(ProtocolError::InterruptedMessage(opcode)),
        _ => Ok(()),
    }
}

/// The longest payload of a control frame (5.5).
pub(crate) const MAX_CONTROL_LEN: usize = 125;
