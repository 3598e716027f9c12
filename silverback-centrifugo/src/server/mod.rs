//! What the program holds and configures.

mod admit;
mod builder;
mod channel;
mod hooks;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use silverback_hub::{Hub, HubBuilder, Slow, Topic};

pub use self::{
    admit::{Admission, NotAdmitted},
    builder::ServerBuilder,
    channel::{Channel, Joins},
    hooks::{Connecting, Login, Refusal, RpcCall, SentData},
};
pub(crate) use self::{
    channel::{Channels, names_user},
    hooks::{ConnectHook, RpcHook, SendHook},
};
use crate::{
    encoding::{Encodings, JOINS},
    rate::Rate,
    token::{Claims, Keys, TokenError, verify},
};

/// Serves the client protocol on a hub. Cloning shares it.
///
/// ```
/// use silverback_centrifugo::{Channel, Format, Keys, Server};
/// use silverback_hub::{Hub, Topic};
/// # use std::time::Duration;
///
/// # async fn example(conn: silverback::Conn) -> Result<(), silverback_hub::HubError> {
/// let hub = Server::prepare(Hub::builder())
///     .topics("chat:*", Topic::new().history(100, Duration::from_secs(300)).presence())
///     .start()
///     .await?;
/// let server = Server::builder(hub)
///     .keys(Keys::hmac("a secret of at least 32 random bytes"))
///     .channels("chat:*", Channel::new().publish().presence())
///     .build();
///
/// server.serve(conn, Format::Json).await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Server(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) hub: Hub,
    pub(crate) keys: RwLock<Option<Keys>>,
    pub(crate) channels: Channels,
    pub(crate) encodings: Encodings,
    pub(crate) on_connect: Option<Box<dyn ConnectHook>>,
    pub(crate) on_rpc: Option<Box<dyn RpcHook>>,
    pub(crate) on_send: Option<Box<dyn SendHook>>,
    pub(crate) limits: Limits,
    /// Of the HTTP API.
    pub(crate) api_keys: Vec<String>,
}

/// Times and limits of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) allows_anonymous: bool,
    pub(crate) has_personal_channels: bool,
    pub(crate) ping_interval: Duration,
    pub(crate) pong_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) commands_per_message: usize,
    pub(crate) commands: Rate,
}

impl Server {
    /// Adds the options of the topics that this crate uses for joins and leaves. Call it before the program's own
    /// options.
    pub fn prepare(hub: HubBuilder) -> HubBuilder {
        hub.topics(&format!("{JOINS}*"), Topic::new().when_slow(Slow::DropOldest))
    }

    /// Returns the hub.
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// Replaces the keys that verify tokens, for example when a new key set was fetched. Connections that exist stay.
    pub fn set_keys(&self, keys: Keys) {
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }
}

impl Shared {
    pub(crate) fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        verify(keys.as_ref().ok_or(TokenError::Invalid)?, token, SystemTime::now())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("hub", &self.0.hub).field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

/// The version that clients are told.
pub(crate) const VERSION: &str = concat!("silverback ", env!("CARGO_PKG_VERSION"));
