//! The payload of a Close frame (RFC 6455, 5.5.1): a close code and a reason.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use crate::wire::{close_code::CloseCode, error::ProtocolError};

/// The contents of a Close frame: a code and a reason of at most 123 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The code.
    pub code: CloseCode,
    /// The reason, for debugging. Often empty.
    pub reason: Cow<'static, str>,
}

impl CloseFrame {
    /// Creates a frame that may be sent. A reason of more than 123 bytes is cut after the last character that fits.
    ///
    /// # Errors
    /// Fails if the code must not be sent (7.4): 1005, 1006, 1015, and codes that are not assigned.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Result<Self, UnsendableCode> {
        if !code.is_sendable() {
            return Err(UnsendableCode(code));
        }
        Ok(Self { code, reason: cut(reason.into()) })
    }

    /// Reads the payload of a Close frame. Returns `None` for an empty one, which means 1005.
    ///
    /// # Errors
    /// Fails if there is only one byte, the code must not be sent, or the reason is not UTF-8 (5.5.1).
    pub fn decode(payload: &[u8]) -> Result<Option<Self>, ProtocolError> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            return if payload.is_empty() { Ok(None) } else { Err(ProtocolError::TruncatedCloseCode) };
        };
        let code = CloseCode::new(u16::from_be_bytes(*code));
        if !code.is_sendable() {
            return Err(ProtocolError::InvalidCloseCode(code));
        }
        let reason = simdutf8::basic::from_utf8(reason).map_err(|_| ProtocolError::InvalidUtf8)?;
        Ok(Some(Self { code, reason: Cow::Owned(reason.to_owned()) }))
    }

    /// Appends the payload to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.code.get().to_be_bytes());
        out.extend_from_slice(self.reason.as_bytes());
    }
}

impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason.as_ref() {
            "" => self.code.fmt(f),
            reason => write!(f, "{}: {}", self.code, reason.escape_debug()),
        }
    }
}

/// The code is reserved for what happens without a Close frame, or is not assigned (7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsendableCode(pub CloseCode);

impl fmt::Display for UnsendableCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "close code {} must not be sent", self.0)
    }
}

impl std::error::Error for UnsendableCode {}

fn cut(reason: Cow<'static, str>) -> Cow<'static, str> {
    if reason.len() <= MAX_REASON_LEN {
        return reason;
    }
    let end = (0..=MAX_REASON_LEN).rev().find(|&at| reason.is_char_boundary(at)).unwrap_or(0);
    match reason {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

/// A control payload has at most 125 bytes (5.5), and the code takes two of them.
const MAX_REASON_LEN: usize = 123;
