//! The secret of operators.

use std::fmt;

use http::{HeaderMap, header::AUTHORIZATION};
use ring::digest::{Digest, SHA256, digest};

/// The secret of operators. Only its hash is kept: comparing hashes takes the same time for every wrong token that an
/// attacker can choose.
#[derive(Clone)]
pub(crate) struct Token(Digest);

impl Token {
    /// Fails if it is too short or cannot be sent. The error is for the person who has chosen it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        match text.trim() {
            token if token.len() < SHORTEST => Err(TOO_SHORT.to_owned()),
            // No header could hold it, so nobody could use it.
            token if token.contains(char::is_control) => Err("the token of --admin must be one line".to_owned()),
            token => Ok(Self(digest(&SHA256, token.as_bytes()))),
        }
    }

    /// Whether a request has it.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let given = given.and_then(|value| value.split_at_checked(BEARER.len()));
        given.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case(BEARER) && digest(&SHA256, token).as_ref() == self.0.as_ref()
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

const BEARER: &[u8] = b"Bearer ";

/// A shorter one can be guessed.
const SHORTEST: usize = 16;
const TOO_SHORT: &str = "the token of --admin must have at least 16 characters";
