//! Text under axum's name for it.

use std::{borrow::Cow, fmt, ops::Deref, str::Utf8Error};

use bytes::Bytes;
use silverback::Text;

/// UTF-8 text, cheap to clone, that derefs to `str`.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Utf8Bytes(Text);

impl Utf8Bytes {
    /// Creates text from a static string, without a copy.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Text::from_static(text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Utf8Bytes {
    fn as_ref(&self) -> &str {
        self
    }
}

impl AsRef<[u8]> for Utf8Bytes {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl From<Text> for Utf8Bytes {
    fn from(text: Text) -> Self {
        Self(text)
    }
}

impl From<Utf8Bytes> for Text {
    fn from(text: Utf8Bytes) -> Self {
        text.0
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Utf8Bytes {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<&String> for Utf8Bytes {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Utf8Bytes> for Bytes {
    fn from(text: Utf8Bytes) -> Self {
        text.0.into_bytes()
    }
}

impl TryFrom<Bytes> for Utf8Bytes {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        // The second check runs only to name the fault in std's words.
        match Text::try_from(bytes.clone()) {
            Ok(text) => Ok(Self(text)),
            Err(_) => std::str::from_utf8(&bytes).map(Self::from),
        }
    }
}

impl TryFrom<Vec<u8>> for Utf8Bytes {
    type Error = Utf8Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Utf8Error> {
        String::from_utf8(bytes).map(Self::from).map_err(|error| error.utf8_error())
    }
}

macro_rules! compare_with {
    ($($other:ty),+) => {$(
        impl PartialEq<$other> for Utf8Bytes {
            fn eq(&self, other: &$other) -> bool {
                let other: &str = other.as_ref();
                self.as_str() == other
            }
        }
    )+};
}
compare_with!(str, &str, String, &String, Cow<'_, str>);
