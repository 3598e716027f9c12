//! The options of the hub. Their values stay texts, which `config` joins with those of the file and of the environment.

use std::{ffi::OsString, fmt::Display, path::PathBuf};

use clap::{Args as ClapArgs, Subcommand};

use super::engine;
use crate::{
    error::exit_codes,
    serving::{
        args::{parse_address, parse_host, parse_log_format, parse_mode, parse_origin},
        listen::Address,
    },
    values::{self, List},
};

/// The hub and the commands about its configuration.
#[derive(ClapArgs, Debug)]
pub(crate) struct HubArgs {
    #[command(subcommand)]
    pub(crate) task: Option<HubTask>,

    #[command(flatten)]
    pub(crate) options: Options,
}

/// The commands of the hub.
#[derive(Debug, Subcommand)]
pub(crate) enum HubTask {
    /// Check a configuration, or print the one that holds.
    Config {
        #[command(subcommand)]
        action: ConfigTask,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigTask {
    /// Read a file, and report its faults with line and column, and what in it is dangerous.
    Check {
        /// The file, in TOML.
        file: PathBuf,
    },
    /// Print the configuration that the hub would have with these options, as a file. Secrets are not shown.
    Print(Box<Options>),
}

/// The options of the hub.
#[derive(ClapArgs, Debug)]
pub(crate) struct Options {
    /// Read the configuration from this file, in TOML. Options come before variables, and variables before the file.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    /// Listen on this address, HOST:PORT or unix:PATH. `localhost` means 127.0.0.1 and ::1; other machines can connect
    /// with 0.0.0.0:8000 or [::]:8000. Port 0 picks a free port. Can be repeated. Default: localhost:8000.
    #[arg(long, value_name = "ADDR", env = "SILVERBACK_LISTEN", hide_env_values = true)]
    #[arg(value_parser = |text: &str| items(text, str::parse::<Address>))]
    pub(crate) listen: Vec<List<String>>,

    /// Give the Unix sockets of --listen these permissions, in octal like 660. Default: as the umask says.
    #[cfg(unix)]
    #[arg(long, value_name = "MODE", env = "SILVERBACK_LISTEN_MODE", hide_env_values = true)]
    #[arg(value_parser = |text: &str| one(text, parse_mode))]
    pub(crate) listen_mode: Option<String>,

    /// Keep topics in this process (`memory`), or share them with other nodes through a broker: nats://HOST, tls://HOST,
    /// redis://HOST or rediss://HOST. Write a URL with a password into the variable or a file, because every user of the
    /// machine sees the command line. Default: memory.
    #[arg(long, value_name = "ENGINE", env = "SILVERBACK_ENGINE", hide_env_values = true)]
    #[arg(value_parser = engine_text)]
    pub(crate) engine: Option<EngineText>,

    /// Let everybody connect, subscribe and publish everywhere without a token. For trying things out. Default: only if
    /// the hub listens on loopback alone and has neither keys for tokens nor namespaces.
    #[arg(long, env = "SILVERBACK_OPEN", hide_env_values = true, value_parser = values::choice)]
    pub(crate) open: bool,

    /// Serve https:// and wss:// with this certificate, a PEM file with its chain, and with its key if --tls-key is not
    /// given. It is read again when it changes and at SIGHUP. Unix sockets stay without TLS.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_TLS_CERT", hide_env_values = true)]
    #[arg(conflicts_with = "tls_self_signed")]
    pub(crate) tls_cert: Option<String>,

    /// Read the private key of --tls-cert from this PEM file.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_TLS_KEY", hide_env_values = true)]
    pub(crate) tls_key: Option<String>,

    /// Serve https:// and wss:// with a certificate that is made at each start, and print its fingerprint. For trying
    /// things out.
    #[arg(long, env = "SILVERBACK_TLS_SELF_SIGNED", hide_env_values = true, value_parser = values::choice)]
    pub(crate) tls_self_signed: bool,

    /// Allow web pages of this origin to connect, like https://example.com; `*` allows every page. Can be repeated.
    /// Default: only pages of the same origin.
    #[arg(long, value_name = "ORIGIN", env = "SILVERBACK_ALLOW_ORIGIN", hide_env_values = true)]
    #[arg(value_parser = |text: &str| items(text, parse_origin))]
    pub(crate) allow_origin: Vec<List<String>>,

    /// Accept requests for this host, like example.com or *.example.com; `*` accepts every host. Can be repeated.
    /// Default: loopback names if the hub only listens on loopback; otherwise every host.
    #[arg(long, value_name = "HOST", env = "SILVERBACK_ALLOW_HOST", hide_env_values = true)]
    #[arg(value_parser = |text: &str| items(text, parse_host))]
    pub(crate) allow_host: Vec<List<String>>,

    /// Close connections spread over up to this time at shutdown, so that clients do not all reconnect at once. The hub
    /// refuses new connections meanwhile, and ends as soon as none is left. Default: 25s.
    #[arg(long, value_name = "TIME", env = "SILVERBACK_DRAIN", hide_env_values = true)]
    #[arg(value_parser = |text: &str| one(text, values::time_or_none))]
    pub(crate) drain: Option<String>,

    /// Serve metrics for Prometheus and a page for operators on this address, HOST:PORT or unix:PATH. The page lists
    /// connections, closes single ones and drains the hub. On an address that other machines can reach it needs a token.
    /// Default: off.
    #[arg(long, value_name = "ADDR", env = "SILVERBACK_ADMIN", hide_env_values = true)]
    #[arg(value_parser = |text: &str| one(text, parse_address))]
    pub(crate) admin: Option<String>,

    /// Read the token of --admin from this file. The variable SILVERBACK_ADMIN_TOKEN can hold the token itself.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_ADMIN_TOKEN_FILE", hide_env_values = true)]
    pub(crate) admin_token_file: Option<String>,

    /// Print a line on standard output when a connection ends, as `text` or as `json`. Default: no such line.
    #[arg(long, value_name = "FORMAT", env = "SILVERBACK_LOG_FORMAT", hide_env_values = true)]
    #[arg(value_parser = |text: &str| one(text, parse_log_format))]
    pub(crate) log_format: Option<String>,

    /// Serve /metrics for Prometheus, and the health checks, on this address too: without a token and without actions.
    /// Default: nowhere.
    #[arg(long, value_name = "ADDR", env = "SILVERBACK_METRICS", hide_env_values = true)]
    #[arg(value_parser = |text: &str| one(text, str::parse::<Address>))]
    pub(crate) metrics: Option<String>,

    /// Serve at most this many WebSockets at a time. More get 503. Default: 50000, or as many as the limit on open files
    /// allows.
    #[arg(long, value_name = "N", env = "SILVERBACK_MAX_CONNECTIONS", hide_env_values = true)]
    #[arg(value_parser = |text: &str| one(text, values::connections))]
    pub(crate) max_connections: Option<String>,

    /// Serve connections with this many threads. Default: one for each core, at most 4.
    #[arg(long, value_name = "N", env = "SILVERBACK_THREADS", hide_env_values = true)]
    #[arg(value_parser = |text: &str| one(text, values::threads))]
    pub(crate) threads: Option<String>,
}

/// The text of `--engine`, which may have a password and is therefore not part of any debug output.
#[derive(Clone)]
pub(crate) struct EngineText(String);

impl std::fmt::Debug for EngineText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&engine::shown(&self.0))
    }
}

impl Options {
    /// Returns the settings that the command line has, by their keys. Those that come from variables are left out.
    pub(crate) fn given(self, words: &[OsString]) -> Vec<(&'static str, Vec<String>)> {
        let one = |text: Option<String>| text.into_iter().collect();
        let all = |lists: Vec<List<String>>| lists.into_iter().flat_map(|list| list.0).collect();
        let choice = |is_so: bool| is_so.then(|| "true".to_owned()).into_iter().collect();
        let mut settings: Vec<(&'static str, Vec<String>)> = vec![
            ("listen", all(self.listen)),
            ("engine", one(self.engine.map(|engine| engine.0))),
            ("open", choice(self.open)),
            ("tls_cert", one(self.tls_cert)),
            ("tls_key", one(self.tls_key)),
            ("tls_self_signed", choice(self.tls_self_signed)),
            ("allow_origin", all(self.allow_origin)),
            ("allow_host", all(self.allow_host)),
            ("drain", one(self.drain)),
            ("admin", one(self.admin)),
            ("admin_token_file", one(self.admin_token_file)),
            ("log_format", one(self.log_format)),
            ("metrics", one(self.metrics)),
            ("max_connections", one(self.max_connections)),
            ("threads", one(self.threads)),
        ];
        #[cfg(unix)]
        settings.push(("listen_mode", one(self.listen_mode)));
        settings.retain(|(name, texts)| !texts.is_empty() && is_given(name, words));
        settings
    }
}

fn is_given(name: &str, words: &[OsString]) -> bool {
    let option = format!("--{}", name.replace('_', "-"));
    words.iter().filter_map(|word| word.to_str()).any(|word| word.split('=').next() == Some(option.as_str()))
}

fn one<T, E: Display>(text: &str, read: impl Fn(&str) -> Result<T, E>) -> Result<String, String> {
    let text = text.trim();
    read(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn items<T, E: Display>(text: &str, read: impl Fn(&str) -> Result<T, E>) -> Result<List<String>, String> {
    values::list(text, |item| read(item).map(|_| item.to_owned()))
}

fn engine_text(text: &str) -> Result<EngineText, String> {
    one(text, engine::check).map(EngineText)
}

pub(crate) fn after_help() -> String {
    format!("{EXAMPLES}\n\n{}", exit_codes(&[0, 1, 2, 3, 129, 130, 143]))
}

const EXAMPLES: &str = "\
Examples:
  silverback hub                          serve this machine, open to everybody on it
  silverback hub --config hub.toml        with tokens and namespaces, for other machines too
  silverback hub config check hub.toml    what is wrong or dangerous in a configuration
  SILVERBACK_ENGINE=nats://broker:4222 silverback hub --config hub.toml

Ctrl-C and SIGTERM drain the hub and end it with 0; a second one ends it at once, with its own exit
code.";
