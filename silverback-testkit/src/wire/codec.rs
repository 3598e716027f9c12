//! Frames to bytes and back (RFC 6455, 5.2), field by field in the order of the RFC's picture.

use super::frame::{Frame, LengthForm};
use super::naive::naive_mask;

impl Frame {
    /// Encodes the frame for the wire.
    ///
    /// # Panics
    /// If the length does not fit the requested form.
    #[must_use]
    #[track_caller]
    pub fn encode(&self) -> Vec<u8> {
        let bit = |set: bool, place: u8| u8::from(set) << place;
        let mut wire = vec![bit(self.fin, 7) | bit(self.rsv1, 6) | bit(self.rsv2, 5) | bit(self.rsv3, 4) | self.opcode];
        wire.extend(self.encoded_length());
        wire[1] |= bit(self.mask.is_some(), 7);

        let mut payload = self.payload.clone();
        if let Some(key) = self.mask {
            wire.extend(key);
            naive_mask(key, 0, &mut payload);
        }
        wire.extend(payload);
        wire
    }

    #[track_caller]
    fn encoded_length(&self) -> Vec<u8> {
        let length = self.declared_len.unwrap_or(self.payload.len() as u64);
        match self.length_form {
            LengthForm::Minimal if length < 126 => vec![length as u8],
            LengthForm::Minimal if length < 65_536 => in_two_bytes(length),
            LengthForm::U16 => in_two_bytes(length),
            LengthForm::Minimal | LengthForm::U64 => {
                let mut bytes = vec![127];
                bytes.extend(length.to_be_bytes());
                bytes
            }
        }
    }
}

#[track_caller]
fn in_two_bytes(length: u64) -> Vec<u8> {
    assert!(length < 65_536, "a length of {length} needs LengthForm::U64");
    let mut bytes = vec![126];
    bytes.extend((length as u16).to_be_bytes());
    bytes
}

/// Returns the first frame of `bytes` with its payload unmasked, and its length on the wire, or `None` if it is
/// incomplete.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(Frame, usize)> {
    let [first, second, ..] = *bytes else {
        return None;
    };
    let bit = |byte: u8, place: u8| byte >> place & 1 == 1;

    let (length, length_form, mut at) = match second & 0b0111_1111 {
        126 => (big_endian(bytes.get(2..4)?), LengthForm::U16, 4),
        127 => (big_endian(bytes.get(2..10)?), LengthForm::U64, 10),
        short => (u64::from(short), LengthForm::Minimal, 2),
    };
    let shortest = match length {
        0..126 => LengthForm::Minimal,
        126..65_536 => LengthForm::U16,
        65_536.. => LengthForm::U64,
    };

    let mut mask = None;
    if bit(second, 7) {
        mask = Some(bytes.get(at..at + 4)?.try_into().ok()?);
        at += 4;
    }
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    let mut payload = bytes.get(at..end)?.to_vec();
    if let Some(key) = mask {
        naive_mask(key, 0, &mut payload);
    }

    let frame = Frame {
        fin: bit(first, 7),
        rsv1: bit(first, 6),
        rsv2: bit(first, 5),
        rsv3: bit(first, 4),
        opcode: first & 0b0000_1111,
        mask,
        payload,
        length_form: if length_form == shortest { LengthForm::Minimal } else { length_form },
        declared_len: None,
    };
    Some((frame, end))
}

/// Returns all complete frames of `bytes`, and the remaining bytes: the start of another frame, or nothing.
#[must_use]
pub fn decode_all(mut bytes: &[u8]) -> (Vec<Frame>, &[u8]) {
    let mut frames = Vec::new();
    while let Some((frame, used)) = decode(bytes) {
        frames.push(frame);
        bytes = &bytes[used..];
    }
    (frames, bytes)
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}
