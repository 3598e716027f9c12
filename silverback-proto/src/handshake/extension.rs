//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455, 9.1): reads lists of names with parameters from header lines.
//! Each extension defines the meaning of its parameters.

use super::syntax::{is_token, is_token_byte};
use std::fmt;

use http::HeaderMap;
use http::header::SEC_WEBSOCKET_EXTENSIONS;

pub use super::extension_header::encode_extensions;

/// One extension with its parameters, as a client offers it or as a server agrees to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ExtensionOffer {
    /// The registered name, such as `permessage-deflate`.
    pub name: String,
    /// The parameters in order, each with its unquoted value if it has one. Repeated names are kept, because the
    /// extension decides whether they are allowed.
    pub params: Vec<(String, Option<String>)>,
}

impl ExtensionOffer {
    /// Creates an extension without parameters.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), params: Vec::new() }
    }

    /// Adds a parameter without a value.
    pub fn flag(mut self, name: impl Into<String>) -> Self {
        self.params.push((name.into(), None));
        self
    }

    /// Adds a parameter with a value.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), Some(value.into())));
        self
    }
}

impl fmt::Display for ExtensionOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (name, value) in &self.params {
            match value {
                Some(value) => write!(f, "; {name}={value}")?,
                None => write!(f, "; {name}")?,
            }
        }
        Ok(())
    }
}

/// Reads the extensions of all `Sec-WebSocket-Extensions` lines, in order. Without such a line the list is empty.
///
/// # Errors
/// Fails if a list breaks the grammar of RFC 6455, 9.1, which requires to fail the connection, or is unreasonably long.
pub fn parse_extensions(headers: &HeaderMap) -> Result<Vec<ExtensionOffer>, ExtensionListError> {
    let mut extensions = Vec::new();
    let lines = headers.get_all(SEC_WEBSOCKET_EXTENSIONS);
    for line in &lines {
        parse_line(line.as_bytes(), &mut extensions)?;
    }
    if extensions.is_empty() && lines.iter().next().is_some() {
        return Err(ExtensionListError::Empty);
    }
    Ok(extensions)
}

/// Why a `Sec-WebSocket-Extensions` list is malformed. Offsets count bytes of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtensionListError {
    /// The header is there but names nothing.
    Empty,
    /// A name or a value was expected and is missing.
    ExpectedToken {
        /// The offset.
        offset: usize,
    },
    /// Neither `;` nor `,` nor the end after an extension or a parameter.
    ExpectedSeparator {
        /// The offset.
        offset: usize,
    },
    /// A quoted value without its closing quote.
    UnfinishedQuote {
        /// Where the quote opens.
        offset: usize,
    },
    /// A quoted value that is not a token once unquoted.
    QuotedNotToken {
        /// Where the quote opens.
        offset: usize,
    },
    /// The list has more extensions and parameters than we accept.
    TooMany {
        /// The most extensions and parameters accepted, counted together.
        limit: usize,
    },
}

impl fmt::Display for ExtensionListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it names no extension"),
            Self::ExpectedToken { offset } => write!(f, "byte {offset} should begin a name or value"),
            Self::ExpectedSeparator { offset } => {
                write!(f, "byte {offset} should be a comma, a semicolon or the end")
            }
            Self::UnfinishedQuote { offset } => write!(f, "the quote at byte {offset} never ends"),
            Self::QuotedNotToken { offset } => {
                write!(f, "the quoted value at byte {offset} is not a token")
            }
            Self::TooMany { limit } => write!(f, "it has more than {limit} names and parameters"),
        }
    }
}

impl std::error::Error for ExtensionListError {}

/// Reads `extension *( "," extension )`, with any blanks and empty elements in between.
fn parse_line(line: &[u8], extensions: &mut Vec<ExtensionOffer>) -> Result<(), ExtensionListError> {
    let read: usize = extensions.iter().map(|read| 1 + read.params.len()).sum();
    let mut cursor = Cursor { line, at: 0, items_left: MAX_ITEMS - read };
    loop {
        while cursor.take(b',') {}
        if cursor.is_at_end() {
            return Ok(());
        }
        let mut extension = ExtensionOffer::new(cursor.item()?);
        while cursor.take(b';') {
            extension.params.push(cursor.param()?);
        }
        extensions.push(extension);
        if !cursor.is_at_end() && line[cursor.at] != b',' {
            return Err(ExtensionListError::ExpectedSeparator { offset: cursor.at });
        }
    }
}

/// Reads one line from left to right.
struct Cursor<'a> {
    line: &'a [u8],
    /// The offset of the next byte. Always <= line.len().
    at: usize,
    /// How many more extensions and parameters this head may name.
    items_left: usize,
}

impl Cursor<'_> {
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.line.get(self.at) {
            self.at += 1;
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.at == self.line.len()
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let found = self.line.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn token(&mut self) -> Result<String, ExtensionListError> {
        self.skip_blanks();
        let rest = &self.line[self.at..];
        let length = rest.iter().take_while(|&&byte| is_token_byte(byte)).count();
        if length == 0 {
            return Err(ExtensionListError::ExpectedToken { offset: self.at });
        }
        self.at += length;
        Ok(ascii(&rest[..length]))
    }

    /// Reads the name of an extension or a parameter.
    fn item(&mut self) -> Result<String, ExtensionListError> {
        let left = self.items_left.checked_sub(1);
        self.items_left = left.ok_or(ExtensionListError::TooMany { limit: MAX_ITEMS })?;
        self.token()
    }

    fn param(&mut self) -> Result<(String, Option<String>), ExtensionListError> {
        let name = self.item()?;
        if !self.take(b'=') {
            return Ok((name, None));
        }
        self.skip_blanks();
        let value = match self.line.get(self.at) {
            Some(b'"') => self.quoted()?,
            _ => self.token()?,
        };
        Ok((name, Some(value)))
    }

    fn quoted(&mut self) -> Result<String, ExtensionListError> {
        let offset = self.at;
        let mut value = Vec::new();
        let mut rest = self.line[offset + 1..].iter();
        loop {
            match rest.next() {
                Some(b'"') => break,
                Some(b'\\') => value.extend(rest.next()),
                Some(&byte) => value.push(byte),
                None => return Err(ExtensionListError::UnfinishedQuote { offset }),
            }
        }
        self.at = self.line.len() - rest.len();
        if !is_token(&value) {
            return Err(ExtensionListError::QuotedNotToken { offset });
        }
        Ok(ascii(&value))
    }
}

/// Converts bytes that are known to be ASCII.
fn ascii(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The most extensions and parameters of one head, counted together. The longest offer of a browser has two.
const MAX_ITEMS: usize = 128;
