//! UTF-8 in pieces (RFC 6455, 8.1; RFC 3629): each piece is validated when it arrives.

#[cfg(test)]
mod tests;

use crate::wire::error::ProtocolError;

/// Validates text in pieces, which may be cut inside a character. It fails at the first byte that is invalid.
#[derive(Clone, Debug, Default)]
pub struct Utf8Validator {
    /// The first bytes of an unfinished character: a valid prefix of at most three bytes.
    partial: [u8; 4],
    partial_len: u8,
}

impl Utf8Validator {
    /// Validates the next piece, and passes all complete characters to `accept`.
    ///
    /// # Errors
    /// Fails if the bytes so far cannot be the beginning of any UTF-8 text.
    pub fn push(&mut self, piece: &[u8], mut accept: impl FnMut(&str)) -> Result<(), ProtocolError> {
        let rest = self.complete_partial(piece, &mut accept)?;
        let (whole, partial) = rest.split_at(rest.len() - unfinished_len(rest));
        if !whole.is_empty() {
            accept(check(whole)?);
        }
        // After `complete_partial`, `partial` can be non-empty only if no character is unfinished.
        if !partial.is_empty() {
            self.start_partial(partial)?;
        }
        Ok(())
    }

    /// Whether the text may end here, because no character is unfinished.
    pub fn is_complete(&self) -> bool {
        self.partial_len == 0
    }

    /// The first bytes of an unfinished character.
    pub(crate) fn partial(&self) -> &[u8] {
        &self.partial[..usize::from(self.partial_len)]
    }

    /// Completes the unfinished character with bytes of `piece`, and returns the rest of `piece`.
    fn complete_partial<'a>(
        &mut self,
        piece: &'a [u8],
        accept: &mut impl FnMut(&str),
    ) -> Result<&'a [u8], ProtocolError> {
        if self.partial_len == 0 {
            return Ok(piece);
        }
        let have = usize::from(self.partial_len);
        let take = piece.len().min(char_len(self.partial[0]) - have);
        let (now, rest) = piece.split_at(take);
        self.partial[have..have + take].copy_from_slice(now);
        let character = &self.partial[..have + take];
        match std::str::from_utf8(character) {
            Ok(text) => {
                accept(text);
                self.partial_len = 0;
            }
            Err(error) if error.error_len().is_none() => self.partial_len = character.len() as u8,
            Err(_) => return Err(ProtocolError::InvalidUtf8),
        }
        Ok(rest)
    }

    fn start_partial(&mut self, partial: &[u8]) -> Result<(), ProtocolError> {
        match std::str::from_utf8(partial) {
            Err(error) if error.error_len().is_none() => {}
            _ => return Err(ProtocolError::InvalidUtf8),
        }
        self.partial[..partial.len()].copy_from_slice(partial);
        self.partial_len = partial.len() as u8;
        Ok(())
    }
}

/// Validates a whole text.
pub(crate) fn check(bytes: &[u8]) -> Result<&str, ProtocolError> {
    // For a shorter text, the vector code costs more to set up than it saves.
    let checked =
        if bytes.len() < 64 { std::str::from_utf8(bytes).ok() } else { simdutf8::basic::from_utf8(bytes).ok() };
    checked.ok_or(ProtocolError::InvalidUtf8)
}

/// The number of bytes at the end of `bytes` that belong to an unfinished character.
fn unfinished_len(bytes: &[u8]) -> usize {
    let tail = bytes.iter().rev().take(3);
    for (back, &byte) in tail.enumerate() {
        if byte & 0xC0 != 0x80 {
            return if char_len(byte) > back + 1 { back + 1 } else { 0 };
        }
    }
    0
}

/// The length of a character by its first byte; 1 for a byte that cannot be the first, so that `check` rejects it.
fn char_len(first: u8) -> usize {
    match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    }
}
