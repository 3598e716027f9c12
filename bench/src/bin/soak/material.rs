//! The messages: pieces of a long text and of noise. They are not copied, so all of them can be kept for comparison.

use std::sync::OnceLock;

use crate::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(&'static str),
    Binary(&'static [u8]),
}

impl Message {
    pub(crate) fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// The messages of one client. They end after a number of messages or of bytes, whichever comes first.
pub(crate) struct Script {
    messages_left: usize,
    bytes_left: usize,
    /// The largest message has two to the power of this many bytes.
    power: u32,
}

impl Script {
    /// A script of few or many, small or large messages.
    pub(crate) fn new(random: &mut Random) -> Self {
        let power = random.below(LARGEST as usize + 1) as u32;
        Self { messages_left: random.up_to_power(9), bytes_left: 16 << 20, power }
    }

    pub(crate) fn short(random: &mut Random) -> Self {
        Self { messages_left: random.below(8), ..Self::new(random) }
    }

    /// A script that is larger than the buffers of the service and of both kernels for one connection.
    pub(crate) fn flood(random: &mut Random) -> Self {
        Self { messages_left: usize::MAX, bytes_left: 64 << 20, power: random.one_of(&[14, LARGEST]) }
    }

    pub(crate) fn next(&mut self, random: &mut Random) -> Option<Message> {
        if self.messages_left == 0 || self.bytes_left == 0 {
            return None;
        }
        let message = message(random, self.power);
        self.messages_left -= 1;
        self.bytes_left = self.bytes_left.saturating_sub(message.as_bytes().len());
        Some(message)
    }
}

/// Draws a message: text or binary, compressible or not.
pub(crate) fn message(random: &mut Random, power: u32) -> Message {
    let size = size(random, power);
    let (text, noise) = material();
    let start = text.floor_char_boundary(random.below(text.len() - size));
    let text = &text[start..text.floor_char_boundary(start + size)];
    match random.below(4) {
        0 => Message::Binary(&noise[start..start + size]),
        1 => Message::Binary(text.as_bytes()),
        _ => Message::Text(text),
    }
}

/// Draws a size, sometimes exactly where the length in a frame's header changes its form.
fn size(random: &mut Random, power: u32) -> usize {
    match random.one_of(&[0, 1, 125, 126, 65_535, 65_536, 1 << LARGEST]) {
        edge if edge <= 1 << power && random.chance(10) => edge,
        _ => random.up_to_power(power),
    }
}

/// The text and the noise, of the same length.
fn material() -> (&'static str, &'static [u8]) {
    static MATERIAL: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    let (text, noise) = MATERIAL.get_or_init(|| {
        let mut random = Random::new(0, 0, 0);
        let mut text = String::new();
        while text.len() < AMOUNT {
            text.push_str(random.one_of(&WORDS));
            text.push(' ');
        }
        let noise = random.bytes(text.len());
        (text, noise)
    });
    (text, noise)
}

/// As a power of two: 1 MiB, the service's default limit.
const LARGEST: u32 = 20;
const AMOUNT: usize = 3 << 20;
const WORDS: [&str; 16] = [
    "frame",
    "mask",
    "opcode",
    "{\"price\":",
    "1024.25}",
    "largo",
    "Größe",
    "façade",
    "кадр",
    "маска",
    "μήνυμα",
    "電文",
    "圧縮",
    "메시지",
    "🦍",
    "\u{10FFFF}",
];
