//! The name of permessage-deflate, and what may be wrong with a server's answer to our offer of it.

use std::fmt;

/// Why an answer to our offer cannot be accepted (RFC 7692, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeflateAnswerError {
    /// The answer names another extension.
    Name,
    /// A parameter that RFC 7692 does not define.
    Unknown,
    /// A parameter appears twice.
    Repeated,
    /// This parameter has an invalid value, or one that was not offered.
    Value(&'static str),
    /// This parameter was requested and is missing.
    Missing(&'static str),
}

impl fmt::Display for DeflateAnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("an extension that was not offered"),
            Self::Unknown => f.write_str("permessage-deflate with an unknown parameter"),
            Self::Repeated => f.write_str("permessage-deflate with a parameter twice"),
            Self::Value(name) => write!(f, "permessage-deflate with a {name} that was not offered or cannot be"),
            Self::Missing(name) => write!(f, "permessage-deflate without the {name} that was asked for"),
        }
    }
}

impl std::error::Error for DeflateAnswerError {}

pub(crate) const NAME: &str = "permessage-deflate";
