//! How large frames and messages of a peer may be. The defaults are in the connection's configuration.

/// The largest messages and frames that a peer may send.
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
    /// Sets the limit on messages, and on frames too if both were equal.
    pub(crate) fn set_message(&mut self, bytes: u64) {
        if self.frame == self.message {
            self.frame = bytes;
        }
        self.message = bytes;
    }
}
