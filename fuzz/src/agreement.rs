//! The compression parameters that two endpoints have negotiated.

use arbitrary::Arbitrary;
use silverback_proto::{
    Config, Negotiated, Role,
    deflate::{Compression, DeflateParams},
};

/// Any negotiated parameters, or none, and our own settings.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Agreement {
    compresses: bool,
    /// The low bits: three for each window, then one for `server_no_context_takeover` and one for the client's.
    params: u8,
    /// The low bits: level, then memory level.
    effort: u8,
    threshold: u8,
}

impl Agreement {
    /// The same parameters, but with compression on.
    pub fn with_compression(mut self) -> Self {
        self.compresses = true;
        self
    }

    pub fn has_compression(&self) -> bool {
        self.compresses
    }

    /// Returns the outcome of the handshake.
    pub fn negotiated(&self) -> Negotiated {
        let mut negotiated = Negotiated::default();
        negotiated.compression = self.compresses.then(|| self.params());
        negotiated
    }

    /// Adds our settings to `config`.
    pub fn config(&self, config: Config) -> Config {
        // Fast levels are the most frequent: other levels differ only inside zlib-rs.
        let level = [1, 1, 1, 1, 2, 4, 6, 9][usize::from(self.effort & 7)];
        let memory_level = [1, 1, 1, 1, 2, 2, 4, 8][usize::from(self.effort >> 3 & 7)];
        let compression = Compression::default().level(level).memory_level(memory_level);
        config.compression(compression.threshold(self.threshold.into()))
    }

    /// Returns the window bits of the messages from `sender`, and whether they share a window.
    pub fn window(&self, sender: Role) -> (u8, bool) {
        let params = self.params();
        match sender {
            Role::Server => (params.server_max_window_bits, !params.server_no_context_takeover),
            Role::Client => (params.client_max_window_bits, !params.client_no_context_takeover),
        }
    }

    fn params(&self) -> DeflateParams {
        DeflateParams {
            server_no_context_takeover: self.params & 0x40 != 0,
            client_no_context_takeover: self.params & 0x80 != 0,
            server_max_window_bits: WINDOW_BITS[usize::from(self.params & 7)],
            client_max_window_bits: WINDOW_BITS[usize::from(self.params >> 3 & 7)],
        }
    }
}

/// Small windows are slow and resemble each other, so they are rare. 8 bits are a special case.
const WINDOW_BITS: [u8; 8] = [15, 15, 15, 14, 12, 10, 9, 8];
