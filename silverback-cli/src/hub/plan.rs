//! From the options of the hub to its settings.

use std::{env, time::Duration};

use silverback::Config;
use silverback_centrifugo::{Channel, Joins, Keys, Server};
use silverback_hub::{Hub, Topic};

use super::args::Args;
use crate::{
    error::Error,
    serving::{listen::Address, plan::Settings},
    values::List,
};

/// The settings of the server and of the hub on it.
pub(super) struct HubPlan {
    pub(super) settings: Settings,
    pub(super) hub: HubSettings,
}

/// The settings of the hub.
pub(super) struct HubSettings {
    pub(super) is_open: bool,
    /// Verifies tokens.
    pub(super) token_secret: Option<String>,
    /// Keys of the HTTP API.
    pub(super) api_keys: Vec<String>,
}

impl HubPlan {
    pub(super) fn resolve(args: Args) -> Result<Self, Error> {
        let mut listen = all(args.listen);
        if listen.is_empty() {
            listen.push("localhost:8000".parse::<Address>().map_err(Error::System)?);
        }
        let close_timeout = Duration::from_secs(5);
        let settings = Settings {
            listen,
            #[cfg(unix)]
            listen_mode: args.listen_mode,
            #[cfg(not(unix))]
            listen_mode: None,
            tls: args.tls,
            origins: all(args.allow_origin),
            hosts: all(args.allow_host),
            config: Config::default().max_message_size(64 * 1024).ping_interval(Duration::from_secs(30)),
            handshake_timeout: Duration::from_secs(10),
            max_head_size: 16 * 1024,
            memory_limit: 256 * 1024 * 1024,
            max_connections: args.max_connections.unwrap_or(50_000),
            close_timeout,
            drain: args.drain.unwrap_or(Duration::from_secs(25)),
        };
        if args.engine.as_deref().is_some_and(|engine| engine != "memory") {
            return Err(Error::Usage("--engine: only `memory` is there yet".to_owned()));
        }
        // Secrets have no options, because every user of the machine sees the command line of a program.
        let secret = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let token_secret = secret("SILVERBACK_TOKEN_SECRET");
        let api_keys = secret("SILVERBACK_API_KEY").into_iter().collect();
        Ok(Self { settings, hub: HubSettings { is_open: args.open, token_secret, api_keys } })
    }
}

/// Starts the hub, and the server of its protocol.
pub(super) async fn start(settings: HubSettings, is_public: bool) -> Result<Server, Error> {
    let cannot = |error| Error::System(format!("cannot start the hub: {error}"));
    let is_open = settings.is_open || (!is_public && settings.token_secret.is_none());
    if !is_open && settings.token_secret.is_none() {
        return Err(Error::Usage(NOBODY.to_owned()));
    }
    let mut hub = Server::prepare(Hub::builder());
    if is_open {
        hub = hub.topics("*", Topic::new().history(100, Duration::from_secs(300)).presence());
    }
    let hub = hub.start().await.map_err(cannot)?;
    let mut server = Server::builder(hub);
    if is_open {
        let channel = Channel::new().open().publish().history().presence().joins(Joins::Asked);
        server = server.anonymous().channels("*", channel);
    }
    if let Some(secret) = settings.token_secret {
        server = server.keys(Keys::hmac(secret));
    }
    let server = settings.api_keys.into_iter().fold(server, |server, key| server.api_key(key));
    Ok(server.build())
}

fn all<T>(lists: Vec<List<T>>) -> Vec<T> {
    lists.into_iter().flat_map(|list| list.0).collect()
}

const NOBODY: &str = "\
nobody could connect: other machines can reach this address, and the hub has no keys for tokens; set \
SILVERBACK_TOKEN_SECRET, or give --open to let everybody in";
