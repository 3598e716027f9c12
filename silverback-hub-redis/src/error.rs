//! The errors of a configuration. No text contains a password.

use std::fmt;

/// Why an engine cannot be created.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisError {
    /// The URL is not one of a Redis server. The text says what is wrong.
    Url(String),
    /// The prefix has a brace or a control character, or is longer than 64 bytes.
    Prefix,
    /// The URL begins with `rediss`, and the feature `tls` is off.
    NoTls,
    /// The file with root certificates cannot be read, or has none.
    RootCertificates(std::io::Error),
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(what) => {
                write!(f, "the URL of Redis is not valid: {what}; an example is redis://127.0.0.1:6379/0")
            }
            Self::Prefix => f.write_str("the prefix has braces or control characters, or more than 64 bytes"),
            Self::NoTls => f.write_str("rediss:// needs the feature `tls` of silverback-hub-redis"),
            Self::RootCertificates(error) => write!(f, "the root certificates cannot be used: {error}"),
        }
    }
}

impl std::error::Error for RedisError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::RootCertificates(error) => Some(error),
            _ => None,
        }
    }
}
