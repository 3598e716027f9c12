//! The options that all commands which serve have in common, and how their values are written.

use std::{fs, path::PathBuf};

use clap::Args as ClapArgs;
use silverback::{Origin, proto::handshake::HostPattern};

use super::{listen::Address, monitor::log::LogFormat, token::Token};
use crate::{
    error::Error,
    values::{self, List},
};

/// The options about TLS. Without any of them the service speaks plain text.
#[derive(ClapArgs, Clone, Debug)]
#[group(skip)]
pub(crate) struct TlsArgs {
    /// Serve https:// and wss:// with this certificate, a PEM file with its chain, and with its key if --tls-key is not
    /// given. It is read again when it changes and at SIGHUP. Unix sockets stay without TLS.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_TLS_CERT", hide_env_values = true)]
    #[arg(conflicts_with = "tls_self_signed")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Read the private key of --tls-cert from this PEM file.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_TLS_KEY", hide_env_values = true)]
    #[arg(requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Serve https:// and wss:// with a certificate that is made at each start, and print its fingerprint. Clients do not
    /// trust it by themselves, so this is for trying things out.
    #[arg(long, env = "SILVERBACK_TLS_SELF_SIGNED", hide_env_values = true, value_parser = values::choice)]
    pub(crate) tls_self_signed: bool,
}

/// The options for people who operate a server.
#[derive(ClapArgs, Debug, Default)]
#[group(skip)]
pub(crate) struct OperatorArgs {
    /// Serve metrics for Prometheus and a page for operators on this address, HOST:PORT or unix:PATH. The page lists
    /// connections, closes single ones and drains the service. On an address that other machines can reach it needs a
    /// token. Default: off.
    #[arg(long, value_name = "ADDR", env = "SILVERBACK_ADMIN", hide_env_values = true)]
    #[arg(value_parser = parse_address)]
    pub(crate) admin: Option<Address>,

    /// Read the token of --admin from this file. The variable SILVERBACK_ADMIN_TOKEN can hold the token itself.
    #[arg(long, value_name = "FILE", env = "SILVERBACK_ADMIN_TOKEN_FILE", hide_env_values = true)]
    #[arg(requires = "admin")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// Serve /metrics for Prometheus, and the health checks, on this address too: without a token and without actions.
    /// Default: nowhere.
    #[arg(long, value_name = "ADDR", env = "SILVERBACK_METRICS", hide_env_values = true)]
    #[arg(value_parser = parse_address)]
    pub(crate) metrics: Option<Address>,

    /// Print a line on standard output when a connection ends, as `text` or as `json`. The echo service then prints no
    /// lines for messages. Default: no such line.
    #[arg(long, value_name = "FORMAT", env = "SILVERBACK_LOG_FORMAT", hide_env_values = true)]
    #[arg(value_parser = parse_log_format)]
    pub(crate) log_format: Option<LogFormat>,
}

/// What operators get.
#[derive(Debug, Default)]
pub(crate) struct Operators {
    pub(crate) admin: Option<Address>,
    /// The token of the listener for operators.
    pub(crate) token: Option<Token>,
    pub(crate) metrics: Option<Address>,
    pub(crate) log_format: Option<LogFormat>,
}

impl OperatorArgs {
    /// Reads the token, from its file or from the environment.
    pub(crate) fn resolve(self) -> Result<Operators, Error> {
        let text = match self.admin_token_file {
            Some(file) => {
                let cannot = |error| Error::Usage(format!("--admin-token-file {}: {error}", file.display()));
                Some(fs::read_to_string(&file).map_err(cannot)?)
            }
            None => values::variable("SILVERBACK_ADMIN_TOKEN")?,
        };
        let token = text.map(|text| Token::new(&text)).transpose().map_err(Error::Usage)?;
        Ok(Operators { admin: self.admin, token, metrics: self.metrics, log_format: self.log_format })
    }
}

pub(crate) fn parse_address(text: &str) -> Result<Address, String> {
    text.trim().parse()
}

pub(crate) fn parse_log_format(text: &str) -> Result<LogFormat, String> {
    match text.trim() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".to_owned()),
    }
}

pub(crate) fn parse_addresses(text: &str) -> Result<List<Address>, String> {
    values::list(text, str::parse)
}

pub(crate) fn parse_mode(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let mode = u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8);
    mode.ok().filter(|mode| *mode <= 0o777).ok_or_else(|| "must be in octal, like 660 or 0600".to_owned())
}

/// An origin that may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AllowedOrigin {
    Any,
    /// The opaque origin.
    Null,
    /// The origin of files, in some web views.
    File,
    Web(Origin),
}

pub(crate) fn parse_origins(text: &str) -> Result<List<AllowedOrigin>, String> {
    values::list(text, parse_origin)
}

/// Ignores a final slash, which can mean only one thing.
pub(crate) fn parse_origin(text: &str) -> Result<AllowedOrigin, String> {
    if text == "*" {
        return Ok(AllowedOrigin::Any);
    }
    if text.eq_ignore_ascii_case("null") {
        return Ok(AllowedOrigin::Null);
    }
    let origin = match text.strip_suffix('/') {
        Some(rest) if !rest.ends_with(":/") => rest,
        _ => text,
    };
    match Origin::parse(origin) {
        Ok(origin) if origin.to_string() == FILE => Ok(AllowedOrigin::File),
        parsed => parsed.map(AllowedOrigin::Web).map_err(|error| error.to_string()),
    }
}

/// A host that the service answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AllowedHost {
    Any,
    Host(HostPattern),
}

pub(crate) fn parse_hosts(text: &str) -> Result<List<AllowedHost>, String> {
    values::list(text, parse_host)
}

pub(crate) fn parse_host(text: &str) -> Result<AllowedHost, String> {
    match text {
        "*" => Ok(AllowedHost::Any),
        host => HostPattern::parse(host).map(AllowedHost::Host).map_err(|error| error.to_string()),
    }
}

/// The origin that the web views of some apps send for a local page.
pub(crate) const FILE: &str = "file://";
