//! The negotiated parameters of permessage-deflate (RFC 7692, 7.1), and words for both forms of this room.

/// The negotiated parameters (RFC 7692, 7.1).
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

impl Default for DeflateParams {
    /// The meaning of an answer without parameters.
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: MAX_WINDOW_BITS,
            client_max_window_bits: MAX_WINDOW_BITS,
        }
    }
}

/// Which side decides how long the inflated bytes are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// We decide: the message is complete, or its parts are returned at once.
    Briefly,
    /// The peer decides: the message is incomplete, and may stay so. It is inflated to at most 16 times its received
    /// size.
    ByThePeer,
}

pub(crate) const MAX_WINDOW_BITS: u8 = 15;
