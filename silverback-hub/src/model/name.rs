//! Names that applications choose: of topics, of conflation keys, and of publications.

use std::{borrow::Borrow, fmt, sync::Arc};

/// The name of a topic: 1 to 255 bytes without control characters. Cloning shares it.
///
/// ```
/// use silverback_hub::TopicName;
///
/// assert_eq!(TopicName::new("chat:7")?.as_str(), "chat:7");
/// assert!(TopicName::new("").is_err());
/// # Ok::<_, silverback_hub::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// The largest length, in bytes. A broker may write a name in hex, and this still fits into its own limits.
    pub const MAX_LEN: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    /// Fails if the name is empty, too long, or has a control character.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check(name, Self::MAX_LEN).map(|()| Self(name.into()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A short label beside a publication: its idempotency id or its conflation key. 1 to 128 bytes without control
/// characters. Cloning shares it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

impl Label {
    /// The largest length, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Checks a label.
    ///
    /// # Errors
    /// Fails if the label is empty, too long, or has a control character.
    pub fn new(label: &str) -> Result<Self, NameError> {
        check(label, Self::MAX_LEN).map(|()| Self(label.into()))
    }

    /// Returns the label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a name or a label is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    Empty,
    /// It is too long. Both lengths are in bytes.
    TooLong {
        /// Its length.
        len: usize,
        /// The largest length.
        limit: usize,
    },
    /// It has a control character, such as a line feed.
    ControlCharacter,
}

fn check(name: &str, limit: usize) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > limit {
        return Err(NameError::TooLong { len: name.len(), limit });
    }
    if name.chars().any(char::is_control) { Err(NameError::ControlCharacter) } else { Ok(()) }
}

impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty"),
            Self::TooLong { len, limit } => write!(f, "the name has {len} bytes and may have {limit}"),
            Self::ControlCharacter => f.write_str("the name has a control character"),
        }
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::{NameError, TopicName};

    #[test]
    fn a_name_has_1_to_255_bytes_and_no_control_characters() {
        assert_eq!(TopicName::new(""), Err(NameError::Empty));
        assert!(TopicName::new(&"n".repeat(255)).is_ok());
        assert_eq!(TopicName::new(&"n".repeat(256)), Err(NameError::TooLong { len: 256, limit: 255 }));
        assert_eq!(TopicName::new("a\nb"), Err(NameError::ControlCharacter));
        assert!(TopicName::new("a b.*.>:ü").is_ok());
    }
}
