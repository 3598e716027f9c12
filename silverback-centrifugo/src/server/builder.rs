//! The configuration of a server.

use std::{
    fmt,
    sync::{Arc, RwLock},
    time::Duration,
};

use bytes::Bytes;
use silverback_hub::Hub;

use super::{
    Limits, Server, Shared,
    channel::{Channel, Channels},
    hooks::{ConnectHook, Connecting, Login, Refusal, RpcCall, RpcHook, SendHook, SentData},
};
use crate::{encoding::Encodings, rate::Rate, token::Keys};

/// Configures a server; see [`Server::builder`].
#[must_use = "the server is made by `build`"]
pub struct ServerBuilder {
    hub: Hub,
    keys: Option<Keys>,
    channels: Channels,
    on_connect: Option<Box<dyn ConnectHook>>,
    on_rpc: Option<Box<dyn RpcHook>>,
    on_send: Option<Box<dyn SendHook>>,
    limits: Limits,
    api_keys: Vec<String>,
}

impl Server {
    /// Begins the configuration of a server.
    pub fn builder(hub: Hub) -> ServerBuilder {
        ServerBuilder::new(hub)
    }
}

impl ServerBuilder {
    fn new(hub: Hub) -> Self {
        let limits = Limits {
            allows_anonymous: false,
            has_personal_channels: false,
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(8),
            connect_timeout: Duration::from_secs(10),
            commands_per_message: 1000,
            commands: Rate { per_second: 200.0, burst: 2000.0 },
        };
        Self {
            hub,
            keys: None,
            channels: Channels::default(),
            on_connect: None,
            on_rpc: None,
            on_send: None,
            limits,
            api_keys: Vec::new(),
        }
    }

    /// Sets the keys that verify tokens of connections and of subscriptions. Default: none, so no token is valid.
    pub fn keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Lets clients connect without a token. Default: they may not.
    pub fn anonymous(mut self) -> Self {
        self.limits.allows_anonymous = true;
        self
    }

    /// Sets what clients may do in the channels that match a pattern: a name, or a prefix and `*`. The most specific
    /// pattern wins. Default: [`Channel::new`] for every name. The hub's own
    /// [rules](silverback_hub::HubBuilder::authorize) apply too.
    pub fn channels(mut self, pattern: &str, channel: Channel) -> Self {
        self.channels.add(pattern, channel);
        self
    }

    /// Subscribes each user to its own channel, `#` and the user id. Default: no such channels.
    pub fn personal_channels(mut self) -> Self {
        self.limits.has_personal_channels = true;
        self
    }

    /// Decides who connects, in place of the keys. They still verify tokens of subscriptions and new tokens of
    /// connections that expire.
    pub fn on_connect<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(Connecting) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Login, Refusal>> + Send + 'static,
    {
        self.on_connect = Some(Box::new(hook));
        self
    }

    /// Answers calls of clients. Default: they get error 108. A connection handles nothing else until the hook returns.
    pub fn on_rpc<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(RpcCall) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Bytes, Refusal>> + Send + 'static,
    {
        self.on_rpc = Some(Box::new(hook));
        self
    }

    /// Gets the messages that clients send without expecting an answer. Default: they are dropped. A connection handles
    /// nothing else until the hook returns.
    pub fn on_send<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(SentData) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.on_send = Some(Box::new(hook));
        self
    }

    /// Sets how many commands a client may send: on average in a second, and in a burst. Those beyond get error 111, and
    /// messages without a reply are dropped. Default: 200 commands in a second and 2,000 in a burst.
    pub fn commands_per_second(mut self, rate: u32, burst: u32) -> Self {
        self.limits.commands = Rate { per_second: rate.max(1).into(), burst: burst.max(1).into() };
        self
    }

    /// Sets how often clients are pinged. Default: every 25 s. Clients expect it and reconnect without it. At least 1 s.
    pub fn ping_interval(mut self, every: Duration) -> Self {
        self.limits.ping_interval = every.max(Duration::from_secs(1));
        self
    }

    /// Sets how long the answer to a ping may take before the connection is closed with 3012. Default: 8 s.
    pub fn pong_timeout(mut self, timeout: Duration) -> Self {
        self.limits.pong_timeout = timeout;
        self
    }

    /// Sets how long a connection may take to send `connect`. It is then closed with 3502. Default: 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect_timeout = timeout;
        self
    }

    /// Sets how many commands one message may have. With more the connection is closed with 3501. Default: 1,000.
    pub fn commands_per_message(mut self, count: usize) -> Self {
        self.limits.commands_per_message = count.max(1);
        self
    }

    /// Adds a key of the HTTP API; see [`Server::handle_api`]. Default: none, so nobody may use it.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_keys.push(key.into());
        self
    }

    /// Makes the server.
    pub fn build(self) -> Server {
        Server(Arc::new(Shared {
            hub: self.hub,
            keys: RwLock::new(self.keys),
            channels: self.channels,
            encodings: Encodings::new(),
            on_connect: self.on_connect,
            on_rpc: self.on_rpc,
            on_send: self.on_send,
            limits: self.limits,
            api_keys: self.api_keys,
        }))
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("channels", &self.channels)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
