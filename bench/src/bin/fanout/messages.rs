//! The messages: JSON with a marker, whose number tells the subscribers which message it is.

use std::fmt::Write as _;

use memchr::memmem::Finder;

/// JSON of `size` bytes. Words from a small vocabulary follow the marker, so that it can be compressed as well as other
/// JSON can. The same number gives the same message.
pub fn message(number: u64, size: usize) -> Vec<u8> {
    let mut text = String::with_capacity(size);
    let _ = write!(text, "{{\"id\":\"{MARKER}{number:0width$}\",\"text\":\"", width = DIGITS);
    let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while text.len() + END.len() < size {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text += WORDS[(random >> 33) as usize % WORDS.len()];
        let _ = write!(text, " {} ", random >> 54);
    }
    text.truncate(size.saturating_sub(END.len()));
    (text + END).into_bytes()
}

/// Finds the numbers of messages in bytes.
pub struct Markers(Finder<'static>);

impl Markers {
    pub fn new() -> Self {
        Self(Finder::new(MARKER))
    }

    /// Calls `found` with each number, and returns where the last complete one ends.
    pub fn each(&self, bytes: &[u8], mut found: impl FnMut(u64)) -> usize {
        let mut done = 0;
        while let Some(place) = self.0.find(&bytes[done..]) {
            let digits = done + place + MARKER.len();
            let Some(text) = bytes.get(digits..digits + DIGITS) else { break };
            found(text.iter().fold(0, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0'))));
            done = digits + DIGITS;
        }
        done
    }

    /// The marker that begins at the end of a part of a stream, after the last complete one.
    pub fn begun(bytes: &[u8], done: usize) -> &[u8] {
        let end = &bytes[done.max(bytes.len().saturating_sub(MARKER.len() + DIGITS - 1))..];
        memchr::memchr(MARKER.as_bytes()[0], end).map_or(&[], |place| &end[place..])
    }
}

const MARKER: &str = "~#";
const DIGITS: usize = 10;
const END: &str = "\"}";
const WORDS: [&str; 24] = [
    "price",
    "order",
    "user",
    "moved",
    "joined",
    "left",
    "wrote",
    "state",
    "temperature",
    "position",
    "score",
    "goal",
    "message",
    "typing",
    "online",
    "bid",
    "ask",
    "volume",
    "alert",
    "ready",
    "done",
    "waiting",
    "room",
    "team",
];
