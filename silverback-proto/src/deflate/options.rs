//! The compression that an endpoint requests.

use super::params::{DeflateParams, MAX_WINDOW_BITS};
use crate::wire::role::Role;

/// The compression that an endpoint requests. It is off unless you give it to an `Upgrader` or `Dialer`.
///
/// The names are those of RFC 7692, 7.1: methods that begin with `server` are about messages that the server sends.
///
/// ```
/// use silverback_proto::deflate::Compression;
/// let cheap = Compression::default().no_context_takeover();
/// let small = Compression::default().server_max_window_bits(10).client_max_window_bits(10);
/// # let _ = (cheap, small);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Compression {
    pub(super) level: i32,
    pub(super) memory_level: i32,
    threshold: usize,
    pub(super) max_inflate_ratio: u32,
    pub(crate) wanted: DeflateParams,
}

impl Compression {
    /// Sets the compression level, 1 to 9. Level 1 with context takeover gives the size of level 6 without it, at a
    /// fifth of the work. Default: 1.
    pub fn level(mut self, level: u8) -> Self {
        self.level = i32::from(level.clamp(1, 9));
        self
    }

    /// Sets the memory level of the compressor's tables, 1 to 9. They take about 2^(level + 9) bytes. Default: 8.
    pub fn memory_level(mut self, level: u8) -> Self {
        self.memory_level = i32::from(level.clamp(1, 9));
        self
    }

    /// Sends messages below this many bytes uncompressed, because they would hardly shrink. Default: 64.
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// Sets how many times larger than its compressed form a message of more than 1 MiB may become. A message beyond
    /// this ratio closes the connection with 1009. Default: 256. Honest data stays below it, and a decompression bomb
    /// reaches 1,000.
    pub fn max_inflate_ratio(mut self, ratio: u32) -> Self {
        self.max_inflate_ratio = ratio;
        self
    }

    /// Compresses each message by itself, in both directions. This needs less memory, and messages become larger.
    pub fn no_context_takeover(self) -> Self {
        self.server_no_context_takeover(true).client_no_context_takeover(true)
    }

    /// Sets whether the server compresses each message by itself. Default: no.
    pub fn server_no_context_takeover(mut self, no_takeover: bool) -> Self {
        self.wanted.server_no_context_takeover = no_takeover;
        self
    }

    /// Sets whether the client compresses each message by itself. Default: no.
    pub fn client_no_context_takeover(mut self, no_takeover: bool) -> Self {
        self.wanted.client_no_context_takeover = no_takeover;
        self
    }

    /// Sets the largest window of the server's messages, 8 to 15 bits. Up to 10 bits the server keeps only the bytes of
    /// the window between messages, instead of a compressor of 310 KiB. Below 15 bits the client keeps no decompressor.
    /// Default: 15.
    pub fn server_max_window_bits(mut self, bits: u8) -> Self {
        self.wanted.server_max_window_bits = bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        self
    }

    /// Sets the largest window of the client's messages, 8 to 15 bits. It saves memory as
    /// [`server_max_window_bits`](Self::server_max_window_bits) does, with the roles exchanged. Below 15 bits a server
    /// declines the offers of clients that cannot limit their window. Default: 15.
    pub fn client_max_window_bits(mut self, bits: u8) -> Self {
        self.wanted.client_max_window_bits = bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        self
    }

    /// The size below which messages are sent uncompressed.
    pub(crate) fn plain_below(&self) -> usize {
        self.threshold
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self { level: 1, memory_level: 8, threshold: 64, max_inflate_ratio: 256, wanted: DeflateParams::default() }
    }
}

impl DeflateParams {
    /// The window bits for the messages of `sender`, and whether it forgoes context takeover.
    pub(super) fn of(&self, sender: Role) -> (u8, bool) {
        let (bits, no_takeover) = match sender {
            Role::Server => (self.server_max_window_bits, self.server_no_context_takeover),
            Role::Client => (self.client_max_window_bits, self.client_no_context_takeover),
        };
        // The fields are public and may hold any number, but zlib accepts only these.
        (bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS), no_takeover)
    }
}

/// The end of a sync flush, which is not sent (7.2.1).
pub(super) const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

pub(crate) const MIN_WINDOW_BITS: u8 = 8;
