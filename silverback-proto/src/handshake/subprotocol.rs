//! Subprotocol names and the list in `Sec-WebSocket-Protocol` (RFC 6455, 4.1 and 11.3.4).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderMap, HeaderValue};

use super::{
    received::Received,
    syntax::{is_token, list_elements},
};

/// The name of a subprotocol: a token. Names compare byte by byte, case included.
///
/// ```
/// use silverback_proto::handshake::Subprotocol;
///
/// let chat = Subprotocol::new("chat")?;
/// assert_eq!(chat, "chat");
/// assert!(Subprotocol::new("two words").is_err());
/// # Ok::<_, silverback_proto::handshake::InvalidSubprotocol>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subprotocol(Arc<str>);

impl Subprotocol {
    /// Creates a subprotocol of this name.
    ///
    /// # Errors
    /// Fails if the name is empty or has a blank, a separator such as `,` or `/`, a control character, or a character
    /// outside ASCII.
    pub fn new(name: &str) -> Result<Self, InvalidSubprotocol> {
        if !is_token(name.as_bytes()) {
            return Err(InvalidSubprotocol(Received::new(name.as_bytes())));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the names of all `Sec-WebSocket-Protocol` lines, in order.
    pub(super) fn parse_list(headers: &HeaderMap) -> Result<Vec<Self>, SubprotocolListError> {
        if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
            return Ok(Vec::new());
        }
        let mut names: Vec<Self> = Vec::new();
        for element in list_elements(headers, &SEC_WEBSOCKET_PROTOCOL) {
            let name = std::str::from_utf8(element)
                .ok()
                .and_then(|name| Self::new(name).ok())
                .ok_or_else(|| SubprotocolListError::NotAToken(Received::new(element)))?;
            if names.contains(&name) {
                return Err(SubprotocolListError::Repeated(Received::new(element)));
            }
            if names.len() == MAX_SUBPROTOCOLS {
                return Err(SubprotocolListError::TooMany { limit: MAX_SUBPROTOCOLS });
            }
            names.push(name);
        }
        match names.is_empty() {
            true => Err(SubprotocolListError::Empty),
            false => Ok(names),
        }
    }

    /// Tokens are always a valid header value, so the fallback is never used.
    pub(super) fn to_header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

impl FromStr for Subprotocol {
    type Err = InvalidSubprotocol;

    fn from_str(name: &str) -> Result<Self, InvalidSubprotocol> {
        Self::new(name)
    }
}

impl TryFrom<&str> for Subprotocol {
    type Error = InvalidSubprotocol;

    fn try_from(name: &str) -> Result<Self, InvalidSubprotocol> {
        Self::new(name)
    }
}

impl AsRef<str> for Subprotocol {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Subprotocol {
    fn eq(&self, name: &str) -> bool {
        &*self.0 == name
    }
}

impl PartialEq<&str> for Subprotocol {
    fn eq(&self, name: &&str) -> bool {
        &*self.0 == *name
    }
}

impl fmt::Display for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subprotocol({self})")
    }
}

/// The name is not a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSubprotocol(pub(super) Received);

impl fmt::Display for InvalidSubprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a subprotocol name: letters, digits and !#$%&'*+-.^_`|~ only, at least one", self.0)
    }
}

impl std::error::Error for InvalidSubprotocol {}

/// Why the subprotocols that a client offers are invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubprotocolListError {
    /// The header is there but names nothing.
    Empty,
    /// An element is not a token.
    NotAToken(Received),
    /// A name appears twice, but all names must be different (RFC 6455, 4.1).
    Repeated(Received),
    /// The list has more names than we accept.
    TooMany {
        /// The most names accepted.
        limit: usize,
    },
}

impl fmt::Display for SubprotocolListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it names no subprotocol"),
            Self::NotAToken(element) => write!(f, "{element} is not a subprotocol name"),
            Self::Repeated(element) => write!(f, "{element} appears twice"),
            Self::TooMany { limit } => write!(f, "it names more than {limit} subprotocols"),
        }
    }
}

impl std::error::Error for SubprotocolListError {}

/// The most subprotocols of one request. Real clients offer a handful, and the check that all are different compares
/// each with each.
pub(super) const MAX_SUBPROTOCOLS: usize = 128;
