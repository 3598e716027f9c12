//! Text that is UTF-8 by type, and the conversions that make it at home among strings and bytes.

#[cfg(test)]
mod tests;

use std::{
    borrow::{Borrow, Cow},
    fmt,
    ops::Deref,
};

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;

use super::utf8;
use crate::wire::error::ProtocolError;

/// Owned UTF-8 text that is cheap to clone and derefs to `str`.
///
/// Strings convert with `From`. Bytes convert with `TryFrom`, which fails if they are not UTF-8. Owned strings and
/// bytes are not copied:
///
/// ```
/// use bytes::Bytes;
/// use silverback_proto::Text;
/// let text = Text::from("hello".to_owned());
/// assert!(text.starts_with("he"));
/// let bytes = Bytes::from(text);
/// assert_eq!(Text::try_from(bytes)?, "hello");
/// # Ok::<(), silverback_proto::ProtocolError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(ByteString);

impl Text {
    /// Text that costs nothing to make.
    pub const fn from_static(text: &'static str) -> Self {
        Self(ByteString::from_static(text))
    }

    /// The text as a string slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes of the text, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// A handle on the bytes of the text, without a copy.
    pub fn to_bytes(&self) -> Bytes {
        self.0.as_bytes().clone()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.as_str().as_bytes()
    }
}

impl AsRef<Bytes> for Text {
    fn as_ref(&self) -> &Bytes {
        self.0.as_bytes()
    }
}

/// `Text` hashes and compares as `str` does, so a map with `Text` keys can be searched with a `&str`.
impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(ByteString::from(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(ByteString::from(text))
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Box<str>> for Text {
    fn from(text: Box<str>) -> Self {
        Self::from(text.into_string())
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::from(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

impl TryFrom<&[u8]> for Text {
    type Error = ProtocolError;

    fn try_from(bytes: &[u8]) -> Result<Self, ProtocolError> {
        utf8::check(bytes).map(Self::from)
    }
}

impl<const N: usize> TryFrom<&[u8; N]> for Text {
    type Error = ProtocolError;

    fn try_from(bytes: &[u8; N]) -> Result<Self, ProtocolError> {
        Self::try_from(bytes.as_slice())
    }
}

macro_rules! try_from_bytes {
    ($($source:ty),+) => {$(
        /// Keeps the bytes without a copy.
        impl TryFrom<$source> for Text {
            type Error = ProtocolError;

            fn try_from(bytes: $source) -> Result<Self, ProtocolError> {
                ByteString::try_from(bytes).map(Self).map_err(|_| ProtocolError::InvalidUtf8)
            }
        }
    )+};
}

try_from_bytes!(Bytes, BytesMut, Vec<u8>);

impl From<Text> for Bytes {
    fn from(text: Text) -> Self {
        text.into_bytes()
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0.into()
    }
}

macro_rules! equal_to {
    ($($other:ty),+) => {$(
        impl PartialEq<$other> for Text {
            fn eq(&self, other: &$other) -> bool {
                let other: &str = other;
                self.as_str() == other
            }
        }

        impl PartialEq<Text> for $other {
            fn eq(&self, other: &Text) -> bool {
                other == self
            }
        }
    )+};
}

equal_to!(str, &str, String, Cow<'_, str>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}
