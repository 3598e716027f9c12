//! Sessions in a signed cookie, for part 3 and part 4 of the tutorial.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};
use data_encoding::BASE64URL_NOPAD;
use ring::{hmac, rand::SystemRandom};

/// Makes and reads cookies `session=NAME.EXPIRY.SIGNATURE`. A server keeps nothing, so each server with the same key knows
/// the sessions of the others.
#[derive(Clone)]
pub(crate) struct Sessions(hmac::Key);

impl Sessions {
    /// The value of `Set-Cookie` that ends a session.
    pub(crate) const END: &str = "session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";

    /// With a secret of at least 32 random bytes, or with a key that ends with the process, and all sessions with it.
    ///
    /// # Panics
    /// If the system has no random source.
    pub(crate) fn new(secret: Option<&str>) -> Self {
        Self(match secret {
            Some(secret) => hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            None => hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).expect("a random source"),
        })
    }

    /// The value of `Set-Cookie` for a user who has logged in. Over TLS, add `Secure`.
    pub(crate) fn begin(&self, user: &str) -> String {
        let expiry = now() + LIFETIME;
        let signed = format!("{}.{}", BASE64URL_NOPAD.encode(user.as_bytes()), expiry.as_secs());
        let signature = BASE64URL_NOPAD.encode(hmac::sign(&self.0, signed.as_bytes()).as_ref());
        format!("session={signed}.{signature}; HttpOnly; SameSite=Lax; Path=/; Max-Age={}", LIFETIME.as_secs())
    }

    /// The user whose session the request has.
    pub(crate) fn user(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="))?;
        let (signed, signature) = session.rsplit_once('.')?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
        hmac::verify(&self.0, signed.as_bytes(), &signature).ok()?;
        let (user, expiry) = signed.split_once('.')?;
        if now().as_secs() >= expiry.parse().ok()? {
            return None;
        }
        String::from_utf8(BASE64URL_NOPAD.decode(user.as_bytes()).ok()?).ok()
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

const LIFETIME: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let cookie = cookie.split(';').next().unwrap();
        HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())])
    }

    #[test]
    fn a_session_names_its_user_to_every_server_with_the_key() {
        let secret = Some("a secret of at least 32 random bytes");
        let cookie = Sessions::new(secret).begin("Ada ✓");
        assert_eq!(Sessions::new(secret).user(&headers(&cookie)).as_deref(), Some("Ada ✓"));
        assert_eq!(Sessions::new(None).user(&headers(&cookie)), None);
    }

    #[test]
    fn a_session_cannot_be_changed() {
        let sessions = Sessions::new(None);
        let (ada, bob) = (sessions.begin("ada"), sessions.begin("bob"));
        let (_, rest) = ada.split_once('.').unwrap();
        let (bob, _) = bob.split_once('.').unwrap();
        assert_eq!(sessions.user(&headers(&format!("{bob}.{rest}"))), None);
        assert_eq!(sessions.user(&headers("session=")), None);
        assert_eq!(sessions.user(&HeaderMap::new()), None);
    }
}
