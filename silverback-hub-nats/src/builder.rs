//! The configuration of an engine.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_nats::ConnectOptions;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::{
    link::Signals,
    names::is_prefix,
    nats::Nats,
    settings::{Settings, Storage},
    streams::random,
    url::{Addresses, Login, NatsError},
};

/// Configures a [`Nats`] engine; see [`Nats::builder`]. Nothing of a login appears in its `Debug`.
#[must_use = "nothing happens before `connect`"]
pub struct NatsBuilder {
    url: String,
    login: Option<Login>,
    #[cfg(feature = "nkeys")]
    key: Option<Key>,
    prefix: String,
    settings: Settings,
    tls: Tls,
}

#[derive(Default)]
struct Tls {
    is_required: bool,
    is_first: bool,
    roots: Vec<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
}

#[cfg(feature = "nkeys")]
enum Key {
    Seed(String),
    File(PathBuf),
}

impl Nats {
    /// Begins to connect to `nats://[USER:PASSWORD@]HOST:PORT`, or `tls://`, or several of them with commas between, in
    /// the background, with the defaults of [`NatsBuilder`]. A token stands in the place of the user, without a colon.
    ///
    /// It does not wait for the broker: the hub is ready once the broker is.
    ///
    /// # Errors
    /// Fails if the URL is not valid.
    ///
    /// # Panics
    /// If called outside of a tokio runtime.
    pub async fn connect(url: &str) -> Result<Self, NatsError> {
        Self::builder(url).connect().await
    }

    /// Configures an engine for the servers at a URL; see [`connect`](Self::connect).
    pub fn builder(url: &str) -> NatsBuilder {
        NatsBuilder::new(url)
    }
}

impl NatsBuilder {
    fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            login: None,
            #[cfg(feature = "nkeys")]
            key: None,
            prefix: "hub".to_owned(),
            settings: Settings::default(),
            tls: Tls::default(),
        }
    }

    /// Uses the server without JetStream: at most once, without history, presence and ids. Topics with history or
    /// presence then fail when the hub starts. Default: JetStream.
    pub fn core(mut self) -> Self {
        self.settings.has_jetstream = false;
        self
    }

    /// Sets the first part of all subjects and of the names of streams. Hubs with the same prefix are nodes of one hub.
    /// 1 to 32 letters, digits, `-` and `_`. Default: `hub`.
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.to_owned();
        self
    }

    /// Sets where the broker keeps histories. Default: [`Storage::File`].
    pub fn storage(mut self, storage: Storage) -> Self {
        self.settings.storage = storage;
        self
    }

    /// Sets how many servers of a cluster keep each stream: 1 to 5. Default: 1.
    pub fn replicas(mut self, count: usize) -> Self {
        self.settings.replicas = count.clamp(1, 5);
        self
    }

    /// Sets how many bytes the broker keeps for each stream; the oldest are dropped first. Default: no limit but those
    /// of the server and of the account.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = Some(bytes);
        self
    }

    /// Sets how long a member can prove that it has missed nothing. The broker keeps the newest publications of each
    /// topic for this long, though members get only those that are within the history. At least as long as the history
    /// of each topic. Default: 24 hours.
    pub fn position_age(mut self, age: Duration) -> Self {
        self.settings.position_age = age;
        self
    }

    /// Sets how long the broker remembers the ids of publications. Default: 5 minutes.
    pub fn id_age(mut self, age: Duration) -> Self {
        self.settings.id_age = age;
        self
    }

    /// Logs in with a user and a password, which may be in the URL too. Default: no login.
    pub fn user_and_password(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some(Login::User { name: name.into(), password: password.into() });
        self
    }

    /// Logs in with a token, which may be in the URL too. Default: no login.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.login = Some(Login::Token(token.into()));
        self
    }

    /// Logs in with the seed of an nkey.
    #[cfg(feature = "nkeys")]
    pub fn nkey(mut self, seed: impl Into<String>) -> Self {
        self.key = Some(Key::Seed(seed.into()));
        self
    }

    /// Logs in with a credentials file, as `nsc` makes it.
    #[cfg(feature = "nkeys")]
    pub fn credentials_file(mut self, path: impl AsRef<Path>) -> Self {
        self.key = Some(Key::File(path.as_ref().to_owned()));
        self
    }

    /// Fails if the server does not speak TLS. The scheme `tls` does the same. Default: TLS if the server wants it.
    pub fn require_tls(mut self) -> Self {
        self.tls.is_required = true;
        self
    }

    /// Begins with TLS, for servers with `handshake_first`. Default: the server speaks first.
    pub fn tls_first(mut self) -> Self {
        self.tls.is_first = true;
        self
    }

    /// Trusts the certificates in this PEM file, instead of those of the system. Several files are joined.
    pub fn root_certificates(mut self, path: impl AsRef<Path>) -> Self {
        self.tls.roots.push(path.as_ref().to_owned());
        self
    }

    /// Shows the server this certificate. Both are PEM files.
    pub fn client_certificate(mut self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        self.tls.client = Some((certificate.as_ref().to_owned(), key.as_ref().to_owned()));
        self
    }

    /// Begins to connect, in the background. It does not wait for the broker: the hub is ready once the broker is.
    ///
    /// # Errors
    /// Fails if the URL, the prefix or a file is not valid.
    ///
    /// # Panics
    /// If called outside of a tokio runtime.
    pub async fn connect(self) -> Result<Nats, NatsError> {
        let Addresses { servers, login } = Addresses::parse(&self.url)?;
        if !is_prefix(&self.prefix) {
            return Err(NatsError::Prefix(self.prefix));
        }
        let ages = [self.settings.position_age, self.settings.id_age];
        if let Some(age) = ages.into_iter().find(|age| *age < Duration::from_millis(100)) {
            return Err(NatsError::TooShort(age));
        }
        let node = random().ok_or_else(|| NatsError::Client("the system has no random numbers".to_owned()))?;
        let signals: Arc<Signals> = Arc::default();
        let options = options(&self.prefix, &signals).require_tls(self.tls.is_required);
        let options = if self.tls.is_first { options.tls_first() } else { options };
        let options = options.tls_client_config(self.tls.config().await?);
        let options = match self.login.or(login) {
            None => options,
            Some(Login::User { name, password }) => options.user_and_password(name, password),
            Some(Login::Token(token)) => options.token(token),
        };
        #[cfg(feature = "nkeys")]
        let options = match self.key {
            None => options,
            Some(Key::Seed(seed)) => options.nkey(seed),
            Some(Key::File(path)) => {
                let unreadable = |error| NatsError::File(format!("cannot read {}: {error}", path.display()));
                options.credentials_file(&path).await.map_err(unreadable)?
            }
        };
        Nats::open(options, &servers, &self.prefix, &node, self.settings, signals).await
    }
}

fn options(prefix: &str, signals: &Arc<Signals>) -> ConnectOptions {
    let signals = signals.clone();
    let jitter = RandomState::new();
    ConnectOptions::new()
        .name(format!("silverback hub {prefix}"))
        .retry_on_initial_connect()
        .connection_timeout(CONNECT)
        // Two pings may be unanswered. The client's own 60 s would leave a frozen broker unnoticed for minutes.
        .ping_interval(PING)
        .subscription_capacity(CAPACITY)
        .reconnect_delay_callback(move |attempts| {
            if attempts <= 1 {
                return Duration::ZERO;
            }
            // Nodes that lose their broker together must not come back together.
            let most = (attempts as u64 * 50).min(1000);
            Duration::from_millis(most / 2 + jitter.hash_one(attempts) % (most / 2 + 1))
        })
        .event_callback(move |event| {
            signals.note(&event);
            std::future::ready(())
        })
}

impl Tls {
    /// Certificates are read by another thread, because the system may have many.
    async fn config(self) -> Result<ClientConfig, NatsError> {
        let read = tokio::task::spawn_blocking(move || self.read()).await;
        read.map_err(|error| NatsError::Client(error.to_string()))?
    }

    fn read(self) -> Result<ClientConfig, NatsError> {
        let mut roots = RootCertStore::empty();
        if self.roots.is_empty() {
            // Those of the system that cannot be read are left out. A server without TLS needs none.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for path in &self.roots {
            let certificates = certificates(path)?;
            let (added, _) = roots.add_parsable_certificates(certificates);
            if added == 0 {
                return Err(NatsError::File(format!("{} has no certificate", path.display())));
            }
        }
        let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| NatsError::Client(error.to_string()))?
            .with_root_certificates(roots);
        let Some((certificate, key)) = self.client else { return Ok(config.with_no_client_auth()) };
        let unreadable = |error| NatsError::File(format!("cannot read {}: {error}", key.display()));
        let private = PrivateKeyDer::from_pem_file(&key).map_err(unreadable)?;
        config.with_client_auth_cert(certificates(&certificate)?, private).map_err(|error| {
            NatsError::File(format!("{} and {} do not fit: {error}", certificate.display(), key.display()))
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NatsError> {
    let unreadable = |error| NatsError::File(format!("cannot read {}: {error}", path.display()));
    CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect::<Result<_, _>>().map_err(unreadable)
}

impl fmt::Debug for NatsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsBuilder")
            .field("prefix", &self.prefix)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(2);
const PING: Duration = Duration::from_secs(1);
/// Messages between the client and the task that reads them. The task never waits, so few are ever there.
const CAPACITY: usize = 8192;
