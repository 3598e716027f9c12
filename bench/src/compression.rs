//! Translates the command line's compression options into silverback's.

use silverback::Compression;

use crate::options::Deflate;

/// Without further options these are the library's defaults: level 1, takeover in both directions.
pub fn compression(wanted: Deflate) -> Compression {
    let mut compression = Compression::default()
        .server_no_context_takeover(wanted.is_server_without_takeover())
        .client_no_context_takeover(wanted.is_client_without_takeover());
    if let Some(level) = wanted.level {
        compression = compression.level(level);
    }
    if let Some(level) = wanted.memory_level {
        compression = compression.memory_level(level);
    }
    if let Some(bits) = wanted.window_bits {
        compression = compression.server_max_window_bits(bits).client_max_window_bits(bits);
    }
    compression
}
