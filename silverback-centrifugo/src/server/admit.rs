//! Clients that do not speak the protocol: the same tokens and rules, for one channel.

use std::{fmt, time::SystemTime};

use silverback_hub::Identity;

use super::{Server, names_user};
use crate::token::TokenError;

/// A client that may enter a channel; see [`Server::admit`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Admission {
    /// Who it is.
    pub identity: Identity,
    /// Whether it may publish there.
    pub may_publish: bool,
    /// When its token expires. The program closes the connection then.
    pub expires_at: Option<SystemTime>,
}

/// Why a client may not enter a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// It needs a token and has none.
    NoToken,
    /// Its token is not valid.
    InvalidToken,
    /// Its token was valid until some time ago.
    TokenExpired,
    /// Its token is valid, and not for this channel.
    Denied,
}

impl Server {
    /// Decides whether a client that does not speak the protocol may enter a channel, for example a WebSocket that gets
    /// payloads only. The rules are those for subscriptions:
    ///
    /// - A token with this `channel` lets its user in.
    /// - A token of a connection lets its user into channels that are [open](super::Channel::open), that name the user
    ///   after a `#`, or that the token lists in `channels`.
    /// - Without a token, everybody may enter open channels if the server is [anonymous](super::ServerBuilder::anonymous).
    ///
    /// [`ServerBuilder::on_connect`](super::ServerBuilder::on_connect) is not asked.
    ///
    /// ```
    /// use silverback_centrifugo::{NotAdmitted, Server};
    ///
    /// # fn example(server: Server) {
    /// let admitted = server.admit("chat:7", None);
    /// assert_eq!(admitted.unwrap_err(), NotAdmitted::NoToken);
    /// # }
    /// ```
    ///
    /// # Errors
    /// Says what is missing: usually 401 for the first three, and 403 for [`NotAdmitted::Denied`].
    pub fn admit(&self, channel: &str, token: Option<&str>) -> Result<Admission, NotAdmitted> {
        let rules = self.0.channels.get(channel);
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            let is_open = rules.is_open && names_user(channel, None).is_none() && !channel.starts_with('%');
            let may_enter = self.0.limits.allows_anonymous && is_open;
            return may_enter
                .then(|| admission(Identity::anonymous(), rules.may_publish, None))
                .ok_or(NotAdmitted::NoToken);
        };
        let claims = self.0.verify(token).map_err(|error| match error {
            TokenError::Invalid => NotAdmitted::InvalidToken,
            TokenError::Expired => NotAdmitted::TokenExpired,
        })?;
        let user = Some(claims.sub.as_str()).filter(|user| !user.is_empty());
        let may_enter = match &claims.channel {
            Some(only) => only == channel,
            None => match names_user(channel, user) {
                Some(is_named) => is_named,
                None => rules.is_open || claims.channels.iter().any(|listed| listed == channel),
            },
        };
        // Channels that begin with it are for the server.
        if !may_enter || channel.starts_with('%') {
            return Err(NotAdmitted::Denied);
        }
        let expires_at = claims.expires_at();
        let identity = user.map_or_else(Identity::anonymous, Identity::user);
        let info = claims.info.map(|info| String::from(Box::<str>::from(info)));
        Ok(admission(identity.info(info.unwrap_or_default()), rules.may_publish, expires_at))
    }
}

fn admission(identity: Identity, may_publish: bool, expires_at: Option<SystemTime>) -> Admission {
    Admission { identity, may_publish, expires_at }
}

impl fmt::Display for NotAdmitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoToken => "a token is needed",
            Self::InvalidToken => "the token is not valid",
            Self::TokenExpired => "the token has expired",
            Self::Denied => "the token is not for this channel",
        })
    }
}

impl std::error::Error for NotAdmitted {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use data_encoding::BASE64URL_NOPAD;
    use ring::hmac;
    use silverback_hub::Hub;

    use super::*;
    use crate::{Channel, Keys, ServerBuilder};

    fn token(claims: &str) -> String {
        let [header, claims] = [r#"{"alg":"HS256"}"#, claims].map(|part| BASE64URL_NOPAD.encode(part.as_bytes()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let signature = hmac::sign(&key, format!("{header}.{claims}").as_bytes());
        format!("{header}.{claims}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }

    async fn server(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
        let hub = Server::prepare(Hub::builder()).start().await.unwrap();
        let builder = Server::builder(hub).keys(Keys::hmac("secret"));
        change(builder.channels("news:*", Channel::new().open()).channels("chat:*", Channel::new().publish())).build()
    }

    #[tokio::test]
    async fn without_a_token_only_an_anonymous_server_lets_in_and_only_into_open_channels() {
        let strict = server(|builder| builder).await;
        let open = server(ServerBuilder::anonymous).await;
        for channel in ["news:1", "chat:7", "dialog#42", "%joins:news:1"] {
            for token in [None, Some("")] {
                assert_eq!(strict.admit(channel, token).unwrap_err(), NotAdmitted::NoToken);
                assert_eq!(open.admit(channel, token).is_ok(), channel == "news:1", "{channel}");
            }
        }
        assert_eq!(open.admit("news:1", None).unwrap().identity, Identity::anonymous());
    }

    #[tokio::test]
    async fn a_token_is_for_its_channel_or_for_those_that_its_user_may_enter() {
        let server = server(|builder| builder).await;
        for (claims, channel, admitted) in [
            (r#"{"sub":"42","channel":"chat:7"}"#, "chat:7", Ok(true)),
            (r#"{"sub":"42","channel":"chat:7"}"#, "chat:8", Err(NotAdmitted::Denied)),
            (r#"{"sub":"42","channel":"chat:7"}"#, "news:1", Err(NotAdmitted::Denied)),
            (r#"{"sub":"42"}"#, "news:1", Ok(false)),
            (r#"{"sub":"42"}"#, "chat:7", Err(NotAdmitted::Denied)),
            (r#"{"sub":"42","channels":["chat:7"]}"#, "chat:7", Ok(true)),
            (r#"{"sub":"42"}"#, "dialog#41,42", Ok(false)),
            (r#"{"sub":"4"}"#, "dialog#41,42", Err(NotAdmitted::Denied)),
            (r#"{"sub":"","channel":"chat:7"}"#, "chat:7", Ok(true)),
            (r#"{"sub":"42","channel":"%joins:chat:7"}"#, "%joins:chat:7", Err(NotAdmitted::Denied)),
            (r#"{"sub":"42","exp":1}"#, "news:1", Err(NotAdmitted::TokenExpired)),
        ] {
            let found = server.admit(channel, Some(&token(claims)));
            assert_eq!(found.map(|admission| admission.may_publish), admitted, "{claims} in {channel}");
        }
        assert_eq!(server.admit("news:1", Some("a.b.c")).unwrap_err(), NotAdmitted::InvalidToken);
        let admission = server.admit("news:1", Some(&token(r#"{"sub":"42","exp":4000000000}"#))).unwrap();
        assert_eq!((admission.identity.user_id(), admission.expires_at.is_some()), (Some("42"), true));
    }
}
