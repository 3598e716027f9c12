//! The messages of a load: a ring that is built once, before measuring begins.

use std::{fmt::Write as _, sync::Arc};

use silverback::{
    Message, MessageKind, PreparedMessage,
    proto::{FrameHeader, MaskKey},
};

/// The messages that every connection sends in turn. Each connection starts at another index.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    messages: Vec<PreparedMessage>,
    kind: MessageKind,
}

/// Frames as a client would send them, one for each message of the script.
pub(crate) type Frames = Arc<Vec<Vec<u8>>>;

/// How large messages are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// One after the other.
    Listed(Vec<usize>),
    /// Anything from one to the other, each as likely.
    Between(usize, usize),
}

/// The content of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Filling {
    /// Letters, digits and spaces.
    Ascii,
    /// Text in several scripts, of one to four bytes a character.
    Utf8,
    /// An object with a list of records.
    Json,
    /// Bytes without any order, which do not compress.
    Random,
}

impl Script {
    pub(crate) fn new(sizes: &Sizes, kind: MessageKind, filling: Filling) -> Self {
        let mut random = Random(SEED);
        let sizes = sizes.ring(&mut random);
        let message = |size: usize| {
            let payload = filling.fill(size, &mut random);
            PreparedMessage::new(match (kind, String::from_utf8(payload)) {
                (MessageKind::Text, Ok(text)) => Message::text(text),
                (_, Ok(text)) => Message::binary(text.into_bytes()),
                (_, Err(bytes)) => Message::binary(bytes.into_bytes()),
            })
        };
        Self { messages: sizes.into_iter().map(message).collect(), kind }
    }

    pub(crate) fn kind(&self) -> MessageKind {
        self.kind
    }

    /// How many messages there are before they repeat.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The message at this place of the ring.
    pub(crate) fn message(&self, place: usize) -> &PreparedMessage {
        &self.messages[place]
    }

    /// The messages as a client's frames.
    pub(crate) fn frames(&self) -> Vec<Vec<u8>> {
        self.messages.iter().map(frame).collect()
    }

    pub(crate) fn largest(&self) -> usize {
        self.messages.iter().map(|message| message.message().len()).max().unwrap_or(0)
    }
}

impl Sizes {
    pub(crate) fn smallest(&self) -> usize {
        match self {
            Self::Listed(sizes) => sizes.iter().copied().min().unwrap_or(0),
            Self::Between(from, _) => *from,
        }
    }

    pub(crate) fn largest(&self) -> usize {
        match self {
            Self::Listed(sizes) => sizes.iter().copied().max().unwrap_or(0),
            Self::Between(_, to) => *to,
        }
    }

    fn ring(&self, random: &mut Random) -> Vec<usize> {
        let count = (RING_BYTES / (self.largest() + 16)).clamp(2, RING_MESSAGES);
        match self {
            Self::Listed(sizes) => {
                let rounds = count.div_ceil(sizes.len()).max(1);
                sizes.iter().copied().cycle().take(rounds * sizes.len()).collect()
            }
            Self::Between(from, to) => (0..count.max(64)).map(|_| random.between(*from, *to)).collect(),
        }
    }
}

impl Filling {
    pub(crate) fn is_text(self) -> bool {
        self != Self::Random
    }

    /// Exactly `size` bytes.
    fn fill(self, size: usize, random: &mut Random) -> Vec<u8> {
        match self {
            Self::Random => (0..size).map(|_| random.next() as u8).collect(),
            Self::Ascii => (0..size).map(|_| LETTERS[random.below(LETTERS.len())]).collect(),
            Self::Utf8 => utf8(size, random).into_bytes(),
            Self::Json => json(size, random).into_bytes(),
        }
    }
}

fn frame(message: &PreparedMessage) -> Vec<u8> {
    let message = message.message();
    let mask = MaskKey(*b"mask");
    let header = FrameHeader::new(message.kind().opcode(), message.len() as u64).with_mask(Some(mask));
    let mut frame = header.encode().to_vec();
    let start = frame.len();
    frame.extend_from_slice(message.as_bytes());
    mask.apply(0, &mut frame[start..]);
    frame
}

fn utf8(size: usize, random: &mut Random) -> String {
    let mut text = String::with_capacity(size);
    while text.len() < size {
        let character = CHARACTERS[random.below(CHARACTERS.len())];
        text.push(if text.len() + character.len_utf8() <= size { character } else { '.' });
    }
    text
}

fn json(size: usize, random: &mut Random) -> String {
    const HEAD: &str = "{\"type\":\"update\",\"rows\":[";
    const TAIL: &str = "]}";
    if size < HEAD.len() + TAIL.len() {
        return "1".repeat(size);
    }
    let mut text = String::from(HEAD);
    loop {
        let comma = if text.len() == HEAD.len() { "" } else { "," };
        let mut row = String::new();
        let (id, price) = (random.below(100_000), random.below(1_000_000));
        let name = NAMES[random.below(NAMES.len())];
        let _ = write!(row, "{comma}{{\"id\":{id},\"name\":\"{name}\",\"price\":{}.{:02}}}", price / 100, price % 100);
        if text.len() + row.len() + TAIL.len() > size {
            break;
        }
        text.push_str(&row);
    }
    // Pad to the exact size: JSON ignores white space between the last row and the end of the list.
    text.push_str(&" ".repeat(size - text.len() - TAIL.len()));
    text + TAIL
}

/// A small generator that gives the same load each time. It makes no secrets.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64*: the high bits are the good ones.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }
}

const SEED: u64 = 0x5EED_CAFE;

/// Enough that nothing which looks ahead can learn it by heart, and little enough to stay in the cache.
const RING_BYTES: usize = 1 << 20;
const RING_MESSAGES: usize = 256;

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789    ";
const CHARACTERS: &[char] =
    &['a', 'e', 'n', ' ', 'ä', 'é', 'ß', 'ж', 'λ', 'ش', '水', '語', '한', '€', '🦍', '🌍', '𝒳', 'z', '.', 'ü'];
const NAMES: &[&str] = &["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india"];

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
