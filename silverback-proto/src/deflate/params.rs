//! The parameters of permessage-deflate: what is asked for, and what both sides agreed on (RFC 7692, 7.1).

use crate::wire::role::Role;

/// How an endpoint wants to compress. Off unless it is given to an `Upgrader` or `Dialer`.
///
/// The names are those of RFC 7692, 7.1: what begins with `server` is about messages that the server sends.
///
/// ```
/// use silverback_proto::deflate::Compression;
/// let cheap = Compression::default().no_context_takeover();
/// let small = Compression::default().server_max_window_bits(10).client_max_window_bits(10);
/// # let _ = (cheap, small);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compression {
    pub(super) level: i32,
    pub(super) memory_level: i32,
    threshold: usize,
    pub(super) max_inflate_ratio: u32,
    pub(crate) wanted: DeflateParams,
}

/// What both sides agreed on (RFC 7692, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateParams {
    /// The server compresses each message by itself.
    pub server_no_context_takeover: bool,
    /// The client compresses each message by itself.
    pub client_no_context_takeover: bool,
    /// The window of the server's messages is at most two to this power, 8 to 15.
    pub server_max_window_bits: u8,
    /// The window of the client's messages is at most two to this power, 8 to 15.
    pub client_max_window_bits: u8,
}

impl Compression {
    /// How hard to try, 1 to 9. Default 1: with context takeover it gives the size of level 6 without it, at a fifth of
    /// the work.
    pub fn level(mut self, level: u8) -> Self {
        self.level = i32::from(level.clamp(1, 9));
        self
    }

    /// How much memory the compressor's tables take, 1 to 9: about 2^(level + 9) bytes. Default 8.
    pub fn memory_level(mut self, level: u8) -> Self {
        self.memory_level = i32::from(level.clamp(1, 9));
        self
    }

    /// Messages below this many bytes go plain. Default 64: they would hardly shrink.
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// How many times larger than its compressed form a message may become, once it is larger than 1 MiB. Default 256:
    /// honest data stays below it, a bomb reaches 1,000. Exceeding it closes with 1009.
    pub fn max_inflate_ratio(mut self, ratio: u32) -> Self {
        self.max_inflate_ratio = ratio;
        self
    }

    /// Each message is compressed by itself, both ways: less memory, larger messages.
    pub fn no_context_takeover(self) -> Self {
        self.server_no_context_takeover(true).client_no_context_takeover(true)
    }

    /// Whether the server compresses each message by itself. Default no.
    pub fn server_no_context_takeover(mut self, no_takeover: bool) -> Self {
        self.wanted.server_no_context_takeover = no_takeover;
        self
    }

    /// Whether the client compresses each message by itself. Default no.
    pub fn client_no_context_takeover(mut self, no_takeover: bool) -> Self {
        self.wanted.client_no_context_takeover = no_takeover;
        self
    }

    /// The largest window of the server's messages, 8 to 15 bits. Default 15. Up to 10 bits the server keeps no more than
    /// these bytes between messages where it would keep a compressor of 310 KiB, and below 15 the client no decompressor.
    pub fn server_max_window_bits(mut self, bits: u8) -> Self {
        self.wanted.server_max_window_bits = bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        self
    }

    /// The largest window of the client's messages, 8 to 15 bits. Default 15. Memory is saved as on the other way, with the
    /// roles exchanged. With less than 15, a server declines clients that cannot limit theirs.
    pub fn client_max_window_bits(mut self, bits: u8) -> Self {
        self.wanted.client_max_window_bits = bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        self
    }

    /// The size below which messages go plain.
    pub(crate) fn plain_below(&self) -> usize {
        self.threshold
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self { level: 1, memory_level: 8, threshold: 64, max_inflate_ratio: 256, wanted: DeflateParams::default() }
    }
}

impl Default for DeflateParams {
    /// What an answer without parameters means.
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: MAX_WINDOW_BITS,
            client_max_window_bits: MAX_WINDOW_BITS,
        }
    }
}

impl DeflateParams {
    /// Window bits and whether there is no takeover, for what `sender` sends.
    pub(super) fn of(&self, sender: Role) -> (u8, bool) {
        let (bits, no_takeover) = match sender {
            Role::Server => (self.server_max_window_bits, self.server_no_context_takeover),
            Role::Client => (self.client_max_window_bits, self.client_no_context_takeover),
        };
        // Whoever writes these parameters by hand can write any number. zlib knows no others than these.
        (bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS), no_takeover)
    }
}

/// What a sync flush ends with, and what is not sent (7.2.1).
pub(super) const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

pub(crate) const MIN_WINDOW_BITS: u8 = 8;
pub(crate) const MAX_WINDOW_BITS: u8 = 15;
