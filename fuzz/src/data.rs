//! Payloads, compressible or not, made from a few random bytes.

use arbitrary::Arbitrary;

/// A payload made of parts.
#[derive(Arbitrary, Clone, Debug)]
pub struct Data(Vec<Part>);

#[derive(Arbitrary, Clone, Debug)]
enum Part {
    Bytes(Vec<u8>),
    Run {
        byte: u8,
        len: Len,
    },
    LongRun {
        byte: u8,
        kib: u8,
    },
    /// Repeats the bytes from `back` bytes before.
    Again {
        back: u16,
        len: Len,
    },
    /// Bytes without repetition.
    Noise {
        seed: u8,
        len: Len,
    },
}

/// A number of bytes, up to 64 Ki. Each size is as likely as twice that size, so most are small and fast.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Len(u16);

impl Len {
    pub fn get(self) -> usize {
        usize::from(self.0 >> (self.0 & 15))
    }
}

impl Data {
    /// Returns the payload, cut to at most `most` bytes.
    pub fn bytes(&self, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.0 {
            let room = most - bytes.len();
            part.append_to(&mut bytes, room);
        }
        bytes
    }

    /// Returns the payload as text.
    pub fn text(&self, most: usize) -> String {
        String::from_utf8_lossy(&self.bytes(most / 3)).into_owned()
    }
}

impl Part {
    fn append_to(&self, bytes: &mut Vec<u8>, room: usize) {
        let start = bytes.len();
        match *self {
            Self::Bytes(ref some) => bytes.extend_from_slice(&some[..some.len().min(room)]),
            Self::Run { byte, len } => bytes.resize(start + room.min(len.get()), byte),
            Self::LongRun { byte, kib } => bytes.resize(start + room.min(usize::from(kib) * 1024), byte),
            Self::Again { back, len } => {
                let Some(from) = start.checked_sub(1 + usize::from(back)) else { return };
                let end = start + room.min(len.get());
                while bytes.len() < end {
                    let missing = end - bytes.len();
                    bytes.extend_from_within(from..bytes.len().min(from + missing));
                }
            }
            Self::Noise { seed, len } => {
                let mut state = u32::from(seed) + 1;
                bytes.extend((0..room.min(len.get())).map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                }));
            }
        }
    }
}
