//! How large frames and messages of a peer may be. The defaults are in the connection's configuration.

/// What a peer may send at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub message: u64,
    /// Bytes of one frame.
    pub frame: u64,
    /// Frames of one message.
    pub fragments: u32,
}

impl Limits {
    /// Frames that were limited as messages are go on so.
    pub(crate) fn set_message(&mut self, bytes: u64) {
        if self.frame == self.message {
            self.frame = bytes;
        }
        self.message = bytes;
    }
}
