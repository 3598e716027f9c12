//! Why a message could not be read or written as JSON.

use std::fmt;

use silverback_proto::Message;

/// A message that is not JSON of the requested type, or a value that JSON cannot represent.
#[derive(Debug)]
pub struct JsonError {
    pub(super) message: Option<Message>,
    pub(super) source: serde_json::Error,
}

impl JsonError {
    /// Returns the message that could not be read, or `None` if writing failed.
    pub fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }

    /// Returns the message that could not be read, or `None` if writing failed. Consumes the error.
    pub fn into_message(self) -> Option<Message> {
        self.message
    }

    /// Returns the error of `serde_json`, which names the fault and its position.
    pub fn json_error(&self) -> &serde_json::Error {
        &self.source
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => {
                write!(f, "a {} message is not the JSON that was asked for: {}", message.kind(), self.source)
            }
            None => write!(f, "a value cannot be written as JSON: {}", self.source),
        }
    }
}

impl std::error::Error for JsonError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
