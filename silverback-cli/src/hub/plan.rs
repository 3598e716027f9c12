//! From the configuration to the settings of the server and of the hub on it.

use std::{num::NonZero, time::Duration};

use silverback::{Compression, Config as Connection};
use silverback_centrifugo::{Channel, Joins, Keys, Server};
use silverback_hub::{Hub, Limits, Slow, Topic};

use super::{
    config::{Config, setting::Namespace},
    engine,
};
use crate::{
    error::Error,
    serving::{
        activation,
        args::{Operators, TlsArgs, parse_address, parse_host, parse_log_format, parse_mode, parse_origin},
        descriptors::MaxConnections,
        listen::{Address, Host},
        plan::{Settings, default_threads},
        token::Token,
        trust::Trust,
    },
    values,
};

/// The settings of the hub beside those of its server.
pub(super) struct HubPlan {
    pub(super) threads: NonZero<usize>,
    pub(super) engine: String,
    engine_prefix: String,
    namespaces: Vec<(String, Topic, Channel)>,
    is_anonymous: bool,
    has_personal_channels: bool,
    keys: Option<Keys>,
    api_keys: Vec<String>,
    limits: Limits,
    commands_per_message: usize,
    /// On average in a second, and in a burst.
    command_rate: (u32, u32),
    connect_timeout: Duration,
    ping_interval: Duration,
    lease: Duration,
    check_positions: Duration,
}

/// Returns the settings of the server.
pub(super) fn server(config: &Config) -> Result<Settings, Error> {
    let ping_interval = config.get("ping_interval", values::time)?;
    let connection = Connection::default()
        .max_message_size(config.get("max_message_size", values::size)?)
        // Clients of Centrifugo have pings of their protocol. These are for raw ones.
        .ping_interval(ping_interval + PINGS_APART)
        .close_timeout(config.get("close_timeout", values::time)?)
        .compression(config.is("compression").then(Compression::default));
    let mode = config.text("listen_mode").map(|_| config.get("listen_mode", parse_mode)).transpose()?;
    Ok(Settings {
        listen: config.list("listen", str::parse)?,
        listen_mode: mode,
        tls: tls(config)?,
        operators: operators(config)?,
        trust: trust(config)?,
        origins: config.list("allow_origin", parse_origin)?,
        hosts: config.list("allow_host", parse_host)?,
        config: connection,
        handshake_timeout: config.get("handshake_timeout", values::time)?,
        max_head_size: config.get("max_head_size", values::head_size)?,
        memory_limit: config.get("memory_limit", values::memory_limit)?,
        max_connections: match config.get("max_connections", values::connections)? {
            most if config.is_given("max_connections") => MaxConnections::Chosen(most),
            most => MaxConnections::Default(most),
        },
        max_connections_per_address: config.get("max_connections_per_address", values::connections_or_none)?,
        accept_rate: NonZero::new(config.get("accept_rate", values::accept_rate)?),
        close_timeout: config.get("close_timeout", values::time)?,
        drain: config.get("drain", values::time_or_none)?,
    })
}

/// Fails as a hub does at its start, if the certificate cannot be used.
pub(super) fn validate_certificate(config: &Config, settings: &Settings) -> Result<(), Error> {
    let name = if config.is_given("tls_cert") { "tls_cert" } else { "tls_self_signed" };
    settings.validate_tls().map_err(|error| config.wrong(name, &error.to_string()))
}

/// clap finds these faults in options. Without them a hub would ignore one of the settings, and might serve plain text.
fn tls(config: &Config) -> Result<TlsArgs, Error> {
    if config.is_given("tls_key") && !config.is_given("tls_cert") {
        return Err(config.wrong("tls_key", "needs tls_cert"));
    }
    if config.is("tls_self_signed") && config.is_given("tls_cert") {
        return Err(config.wrong("tls_self_signed", "and tls_cert cannot be given together"));
    }
    Ok(TlsArgs {
        tls_cert: config.path_of("tls_cert"),
        tls_key: config.path_of("tls_key"),
        tls_self_signed: config.is("tls_self_signed"),
    })
}

fn trust(config: &Config) -> Result<Trust, Error> {
    let proxies = config.list("trusted_proxy", str::parse)?;
    Trust::new(proxies, config.get("client_header", str::parse)?, config.is("proxy_protocol")).ok_or_else(|| {
        config.wrong("proxy_protocol", "needs trusted_proxy, because everybody could send such a header")
    })
}

fn operators(config: &Config) -> Result<Operators, Error> {
    let address = |name| config.text(name).map(|_| config.get(name, parse_address)).transpose();
    let token = config.secret("admin_token", "admin_token_file")?;
    let name = if config.is_given("admin_token") { "admin_token" } else { "admin_token_file" };
    let token = token.map(|text| Token::new(&text).map_err(|reason| config.wrong(name, &reason))).transpose()?;
    let admin = address("admin")?;
    // The start finds names that stand for such an address.
    let is_public = matches!(&admin, Some(Address::Tcp { host: Host::Ip(ip), .. }) if !ip.is_loopback());
    if is_public && token.is_none() && !activation::is_used() {
        return Err(config.wrong("admin", NO_TOKEN));
    }
    let log_format = config.text("log_format").map(|_| config.get("log_format", parse_log_format)).transpose()?;
    Ok(Operators { admin, token, metrics: address("metrics")?, log_format })
}

impl HubPlan {
    /// Reads the files that the configuration names, and decides who may do what.
    pub(super) fn resolve(config: &Config) -> Result<Self, Error> {
        let engine = config.secret("engine", "engine_file")?.unwrap_or_else(|| "memory".to_owned());
        engine::check(&engine).map_err(|reason| config.wrong("engine_file", &reason))?;
        let keys = keys(config)?;
        let is_open = config.is("open") || is_open_by_default(config, keys.is_some());
        let is_anonymous = is_open || config.is("anonymous");
        if keys.is_none() && !is_anonymous {
            return Err(Error::Usage(NOBODY.to_owned()));
        }
        let payload = usize::try_from(config.get("max_message_size", values::size)?).unwrap_or(usize::MAX);
        let bytes = |name| config.get(name, values::size).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let limits = Limits::default()
            .members(config.get("max_connections", values::connections)?)
            .members_per_user(config.get("max_connections_per_user", values::connections)?)
            .payload(payload)
            .topics_per_member(config.get("max_topics_per_client", values::connections)?)
            .backlog(bytes("max_backlog")?)
            .backlogs(bytes("max_backlogs")?);
        let rate = |name| config.get(name, values::connections).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let threads = config.text("threads").map(|_| config.get("threads", values::threads)).transpose()?;
        Ok(Self {
            threads: threads.unwrap_or_else(default_threads),
            engine,
            engine_prefix: config.text("engine_prefix").unwrap_or_default(),
            namespaces: namespaces(config, is_open)?,
            is_anonymous,
            has_personal_channels: config.is("personal_channels"),
            keys,
            api_keys: api_keys(config)?,
            limits,
            commands_per_message: config.get("max_commands_per_message", values::connections)?,
            command_rate: (rate("max_commands_per_second")?, rate("max_commands_in_burst")?),
            connect_timeout: config.get("handshake_timeout", values::time)?,
            ping_interval: config.get("ping_interval", values::time)?,
            lease: config.get("presence_lease", values::time)?,
            check_positions: config.get("check_positions", values::time)?,
        })
    }

    /// Starts the hub, and the server of its protocol. Needs the runtime that they are to run on.
    pub(super) async fn start(self) -> Result<Server, Error> {
        let hub = Hub::builder().limits(self.limits).lease(self.lease).check_positions(self.check_positions);
        let mut hub = Server::prepare(hub);
        for (pattern, topic, _) in &self.namespaces {
            hub = hub.topics(pattern, topic.clone());
        }
        let hub = engine::install(hub, &self.engine, &self.engine_prefix).await?;
        let hub = hub.start().await.map_err(|error| Error::System(format!("cannot start the hub: {error}")))?;
        let mut server = Server::builder(hub)
            .commands_per_message(self.commands_per_message)
            .commands_per_second(self.command_rate.0, self.command_rate.1)
            .connect_timeout(self.connect_timeout)
            .ping_interval(self.ping_interval);
        for (pattern, _, channel) in self.namespaces {
            server = server.channels(&pattern, channel);
        }
        if self.is_anonymous {
            server = server.anonymous();
        }
        if self.has_personal_channels {
            server = server.personal_channels();
        }
        if let Some(keys) = self.keys {
            server = server.keys(keys);
        }
        let server = self.api_keys.into_iter().fold(server, |server, key| server.api_key(key));
        Ok(server.build())
    }
}

/// Whether everybody may do everything, although nothing says so. Only the machine itself must be able to connect.
fn is_open_by_default(config: &Config, has_keys: bool) -> bool {
    let is_configured =
        has_keys || ["open", "anonymous"].iter().any(|name| config.is_given(name)) || !config.namespaces.is_empty();
    // Sockets that the hub is given may have any address.
    let is_public = activation::is_used()
        || config.texts("listen").iter().any(|text| text.parse().map_or(true, |it: Address| it.is_public()));
    !is_configured && !is_public
}

fn keys(config: &Config) -> Result<Option<Keys>, Error> {
    let secret = config.secret("token_secret", "token_secret_file")?.map(Keys::hmac);
    let public = match config.text_of_file("token_jwks_file")? {
        Some(document) => {
            Some(Keys::jwks(document.as_bytes()).map_err(|error| config.wrong("token_jwks_file", &error.to_string()))?)
        }
        None => None,
    };
    Ok(match (secret, public) {
        (Some(secret), Some(public)) => Some(secret.and(public)),
        (secret, public) => secret.or(public),
    })
}

fn api_keys(config: &Config) -> Result<Vec<String>, Error> {
    let mut keys = config.texts("api_key");
    keys.iter().try_for_each(|key| config.check_redacted("api_key", key))?;
    let file = config.text_of_file("api_key_file")?.unwrap_or_default();
    keys.extend(file.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    Ok(keys)
}

fn namespaces(config: &Config, is_open: bool) -> Result<Vec<(String, Topic, Channel)>, Error> {
    let everything = || Channel::new().open().publish().history().presence().joins(Joins::Asked);
    let mut all = Vec::new();
    if is_open {
        let topic = Topic::new().history(100, Duration::from_secs(300)).presence();
        all.push(("*".to_owned(), topic, everything()));
    }
    for namespace in &config.namespaces {
        let channel = if is_open { everything() } else { channel(namespace) };
        all.push((namespace.pattern.clone(), topic(namespace)?, channel));
    }
    Ok(all)
}

fn topic(namespace: &Namespace) -> Result<Topic, Error> {
    let wrong = |name: &str, reason: String| {
        Error::Usage(format!("namespace `{}`: {name}: {reason}", namespace.pattern.escape_debug()))
    };
    let size =
        values::connections_or_none(&namespace.text("history_size")).map_err(|reason| wrong("history_size", reason))?;
    let age = values::time(&namespace.text("history_age")).map_err(|reason| wrong("history_age", reason))?;
    let topic = Topic::new().history(size, age).when_slow(match namespace.text("when_slow").as_str() {
        "drop-newest" => Slow::DropNewest,
        "drop-oldest" => Slow::DropOldest,
        "conflate" => Slow::Conflate,
        _ => Slow::default(),
    });
    Ok(if namespace.is("presence") { topic.presence() } else { topic })
}

fn channel(namespace: &Namespace) -> Channel {
    let mut channel = Channel::new().joins(match namespace.text("joins").as_str() {
        "asked" => Joins::Asked,
        "always" => Joins::Always,
        _ => Joins::Off,
    });
    for (name, allow) in [
        ("open", Channel::open as fn(Channel) -> Channel),
        ("publish", Channel::publish),
        ("read_history", Channel::history),
        ("read_presence", Channel::presence),
    ] {
        if namespace.is(name) {
            channel = allow(channel);
        }
    }
    channel
}

/// The pings of the transport come only if those of the protocol do not.
const PINGS_APART: Duration = Duration::from_secs(5);

const NO_TOKEN: &str = "\
other machines can reach this address, so it needs a token: set admin_token_file or SILVERBACK_ADMIN_TOKEN";

const NOBODY: &str = "\
nobody could connect, because the hub has no keys for tokens; set token_secret_file or SILVERBACK_TOKEN_SECRET, \
or anonymous, or give --open to let everybody do everything";
