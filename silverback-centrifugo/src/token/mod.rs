//! JSON Web Tokens (RFC 7519): signatures and times. A key decides which algorithms it verifies, never the token alone.

mod keys;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::value::RawValue;

pub use self::keys::{KeyError, Keys};

/// What a token says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Claims {
    /// The user id.
    pub(crate) sub: String,
    exp: Option<f64>,
    nbf: Option<f64>,
    /// The channel of a subscription token. A connection token has none.
    pub(crate) channel: Option<String>,
    /// The channels that a connection token subscribes to.
    pub(crate) channels: Vec<String>,
    /// What presence shows.
    pub(crate) info: Option<Box<RawValue>>,
}

impl Claims {
    /// Returns when the token expires.
    pub(crate) fn expires_at(&self) -> Option<SystemTime> {
        self.exp.map(time)
    }
}

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// It is malformed, has no valid signature, or is not for this use.
    Invalid,
    /// It was valid until some time ago.
    Expired,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, 4.1.11). None is.
    crit: Option<Box<RawValue>>,
}

/// Verifies a token. Nothing of it is believed before its signature.
pub(crate) fn verify(keys: &Keys, token: &str, now: SystemTime) -> Result<Claims, TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenError::Invalid)?;
    let header: Header = part(header)?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| TokenError::Invalid)?;
    if header.crit.is_some() || !keys.verify(&header.alg, header.kid.as_deref(), signed.as_bytes(), &signature) {
        return Err(TokenError::Invalid);
    }
    let claims: Claims = part(claims)?;
    if claims.nbf.is_some_and(|begin| time(begin) > now) {
        return Err(TokenError::Invalid);
    }
    if claims.expires_at().is_some_and(|end| end <= now) {
        return Err(TokenError::Expired);
    }
    Ok(claims)
}

fn part<T: for<'de> Deserialize<'de>>(encoded: &str) -> Result<T, TokenError> {
    let json = BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| TokenError::Invalid)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Invalid)
}

/// Seconds since 1970, as tokens have them. Times outside of what makes sense become the nearest that does.
fn time(seconds: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds.clamp(0.0, FAR_FUTURE))
}

/// The year 9999.
const FAR_FUTURE: f64 = 253_370_764_800.0;
