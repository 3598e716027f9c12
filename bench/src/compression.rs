//! What was asked for, as silverback calls it.

use silverback::Compression;

use crate::options::Deflate;

/// Without more the defaults of the library: level 1, takeover both ways.
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
