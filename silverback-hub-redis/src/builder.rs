//! The configuration of an engine.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    engine::Redis,
    error::RedisError,
    settings::Settings,
    target::{Place, Target},
    tls::Tls,
};

/// Configures an engine; see [`Redis::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing happens until `connect`"]
pub struct RedisBuilder {
    /// Parsed at once, so that the text with the password is not kept.
    target: Result<Target, String>,
    roots: Option<PathBuf>,
    settings: Settings,
}

impl Redis {
    /// Creates the engine with the default settings; see [`builder`](Self::builder).
    ///
    /// # Errors
    /// Fails if the URL is not valid. A server that cannot be reached is not an error: the hub starts, is not ready, and
    /// the engine keeps trying.
    pub async fn connect(url: &str) -> Result<Self, RedisError> {
        Self::builder(url).connect().await
    }

    /// Begins the configuration of an engine on the server at this URL: `redis://user:password@host:port/database`,
    /// `rediss://` with TLS, or `unix:///path/of/socket`. Everything but the host may be left out. Special characters
    /// of a password are written as `%` and two hexadecimal digits.
    ///
    /// ```
    /// use std::time::Duration;
    /// use silverback_hub::Hub;
    /// use silverback_hub_redis::Redis;
    ///
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let redis = Redis::builder("redis://127.0.0.1:6379")
    ///     .prefix("chat")
    ///     .position_age(Duration::from_secs(7 * 24 * 60 * 60))
    ///     .connect()
    ///     .await?;
    /// let hub = Hub::builder().engine(redis).start().await?;
    /// # Ok(()) }
    /// ```
    pub fn builder(url: &str) -> RedisBuilder {
        RedisBuilder { target: Target::parse(url), roots: None, settings: Settings::default() }
    }
}

impl RedisBuilder {
    /// Sets the beginning of all keys and channels, at most 64 bytes without braces. Hubs with the same prefix on the
    /// same server belong together, whatever database they use. Default: `silverback`.
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.settings.prefix = prefix.to_owned();
        self
    }

    /// Sets user and password, instead of those in the URL. `None` is Redis' user `default`.
    pub fn login(mut self, user: Option<&str>, password: impl Into<String>) -> Self {
        if let Ok(target) = &mut self.target {
            target.log_in(user, &password.into());
        }
        self
    }

    /// Trusts the certificates in this file (PEM) for `rediss://`, and no others. Default: Mozilla's roots.
    pub fn root_certificates(mut self, path: impl AsRef<Path>) -> Self {
        self.roots = Some(path.as_ref().to_owned());
        self
    }

    /// Sets how long an unused topic with history keeps its position. Default: 24 hours. Later a member cannot prove that
    /// it has missed nothing.
    pub fn position_age(mut self, age: Duration) -> Self {
        self.settings.position_age = age.max(Duration::from_secs(1));
        self
    }

    /// Sets how long the id of a publication is remembered. Default: 5 minutes.
    pub fn id_age(mut self, age: Duration) -> Self {
        self.settings.id_age = age.max(Duration::from_secs(1));
        self
    }

    /// Sets how often an idle connection is pinged, and after how much silence of the server it is given up. Default: 1 s
    /// and 3 s. The second must be longer than a save or a slow command may block the server.
    pub fn ping(mut self, every: Duration, silence: Duration) -> Self {
        self.settings.ping = every.max(Duration::from_millis(10));
        self.settings.silence = silence.max(Duration::from_millis(50));
        self
    }

    /// Sets how long one attempt to connect may take, with TLS and login. Default: 3 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.settings.connect_timeout = limit;
        self
    }

    /// Sets how many bytes of commands may be on their way. Default: 8 MiB. Beyond it, calls wait.
    pub fn in_flight(mut self, bytes: usize) -> Self {
        self.settings.in_flight = bytes.clamp(1, u32::MAX as usize >> 4);
        self
    }

    /// Sets the largest replay, in bytes. Default: 16 MiB. A larger one is reported as incomplete.
    pub fn replay(mut self, bytes: usize) -> Self {
        self.settings.replay = bytes;
        self
    }

    /// Creates the engine. Its task begins to connect when the hub starts.
    ///
    /// # Errors
    /// Fails if the URL, the prefix or the root certificates are not valid. A server that cannot be reached is not an
    /// error.
    pub async fn connect(self) -> Result<Redis, RedisError> {
        let Self { target, roots, settings } = self;
        let target = target.map_err(RedisError::Url)?;
        let prefix = &settings.prefix;
        if prefix.is_empty() || prefix.len() > 64 || prefix.contains(|c: char| c.is_control() || "{}".contains(c)) {
            return Err(RedisError::Prefix);
        }
        let is_tls = matches!(target.place, Place::Tcp { tls: true, .. });
        let tls = Tls::new(is_tls, roots.as_deref())?;
        Ok(Redis::new(target, tls, settings))
    }
}
