//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455, 1.3 and 4.2.2): the client's nonce, and the server's proof
//! that it read the nonce. The caller draws the nonce, because this crate has no random source.

use std::fmt;

use data_encoding::BASE64;
use http::HeaderValue;
use sha1_smol::Sha1;

/// Returns the answer to a `Sec-WebSocket-Key`: the 28 ASCII bytes of `Sec-WebSocket-Accept`.
///
/// The key is the text of the header without surrounding blanks. It is not decoded.
///
/// ```
/// use silverback_proto::handshake::accept_key;
///
/// let accept = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(accept.as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &[u8]) -> AcceptKey {
    let mut sha1 = Sha1::new();
    sha1.update(key);
    sha1.update(GUID);
    let mut text = [0; ACCEPT_LENGTH];
    BASE64.encode_mut(&sha1.digest().bytes(), &mut text);
    AcceptKey(text)
}

/// The value of `Sec-WebSocket-Accept`, which [`accept_key`] returns.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AcceptKey([u8; ACCEPT_LENGTH]);

impl AcceptKey {
    /// The header value as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The header value as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The value for an [`http::HeaderMap`].
    pub fn to_header_value(&self) -> HeaderValue {
        base64_header_value(&self.0)
    }
}

impl fmt::Display for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AcceptKey({self})")
    }
}

/// The client's nonce: 16 random bytes, new for each connection (RFC 6455, 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce([u8; NONCE_LENGTH]);

impl Nonce {
    /// Creates a nonce of these bytes.
    pub const fn new(bytes: [u8; NONCE_LENGTH]) -> Self {
        Self(bytes)
    }

    /// Reads the text of a `Sec-WebSocket-Key` header: base64 of exactly 16 bytes, padded.
    ///
    /// # Errors
    /// Fails for any other text. Only the unused low bits of the last digit may be set, because the example key of RFC
    /// 6455, 4.1 (`AQIDBAUGBwgJCgsMDQ4PEC==`) sets them.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidNonce> {
        let mut canonical: [u8; KEY_LENGTH] = text.try_into().map_err(|_| InvalidNonce)?;
        let last_digit = &mut canonical[KEY_LENGTH - 3];
        let value = ALPHABET.iter().position(|digit| digit == last_digit);
        *last_digit = ALPHABET[value.ok_or(InvalidNonce)? & 0b11_0000];

        let mut decoded = [0; KEY_LENGTH / 4 * 3];
        match BASE64.decode_mut(&canonical, &mut decoded) {
            Ok(NONCE_LENGTH) => {
                let mut nonce = [0; NONCE_LENGTH];
                nonce.copy_from_slice(&decoded[..NONCE_LENGTH]);
                Ok(Self(nonce))
            }
            _ => Err(InvalidNonce),
        }
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; NONCE_LENGTH] {
        &self.0
    }

    /// The value of `Sec-WebSocket-Key`.
    pub fn to_header_value(&self) -> HeaderValue {
        base64_header_value(&self.encoded())
    }

    /// The answer that the server must give to this nonce.
    pub fn accept_key(&self) -> AcceptKey {
        accept_key(&self.encoded())
    }

    fn encoded(&self) -> [u8; KEY_LENGTH] {
        let mut text = [0; KEY_LENGTH];
        BASE64.encode_mut(&self.0, &mut text);
        text
    }
}

impl From<[u8; NONCE_LENGTH]> for Nonce {
    fn from(bytes: [u8; NONCE_LENGTH]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.encoded()).unwrap_or_default())
    }
}

/// A `Sec-WebSocket-Key` that is not the base64 form of 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNonce;

impl fmt::Display for InvalidNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key is not the base64 form of exactly 16 bytes")
    }
}

impl std::error::Error for InvalidNonce {}

/// Base64 digits are always a valid header value, so the fallback is never used.
fn base64_header_value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).unwrap_or(HeaderValue::from_static(""))
}

/// RFC 6455, 1.3: the GUID that WebSocket endpoints append to the key. Other endpoints are unlikely to use it.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NONCE_LENGTH: usize = 16;
const KEY_LENGTH: usize = 24;
/// The base64 form of the 20 bytes of SHA-1 has 28 digits, including padding.
const ACCEPT_LENGTH: usize = 28;
