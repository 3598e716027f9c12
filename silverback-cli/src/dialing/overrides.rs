//! `--resolve HOST:PORT:ADDRESS[,ADDRESS]`, as in curl.

use std::net::{IpAddr, SocketAddr};

use silverback::proto::handshake::ascii_host;

/// Addresses to use for connections to a host and port, instead of looking it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    host: String,
    port: u16,
    /// All have the override's port.
    pub(super) addresses: Vec<SocketAddr>,
}

pub(super) fn parse(text: &str) -> Result<Override, String> {
    let (host, rest) = split_host(text).ok_or(FORM)?;
    let (port, addresses) = rest.split_once(':').ok_or(FORM)?;
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = port.parse().map_err(|_| match is_number {
        true => format!("the port {port} is not from 0 to 65535"),
        false => FORM.to_owned(),
    })?;
    let address = |text: &str| {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)).map_err(|_| FORM)
    };
    let addresses = addresses.split(',').map(address).collect::<Result<_, _>>()?;
    let host = ascii_host(host).ok_or(FORM)?.to_ascii_lowercase();
    Ok(Override { host, port, addresses })
}

impl Override {
    /// `host` may have brackets.
    pub(super) fn is_for(&self, host: &str, port: u16) -> bool {
        host.trim_matches(['[', ']']).eq_ignore_ascii_case(&self.host) && port == self.port
    }

    /// Returns the `host:port` that a `Dialer` expects.
    pub(super) fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Splits the host, which may be an IPv6 address in brackets, from the rest after its colon.
fn split_host(text: &str) -> Option<(&str, &str)> {
    let parts = match text.starts_with('[') {
        true => text.split_once("]:").map(|(host, rest)| (&host[1..], rest)),
        false => text.split_once(':'),
    };
    parts.filter(|(host, _)| !host.is_empty())
}

const FORM: &str = "must be HOST:PORT:ADDRESS, like example.com:443:127.0.0.1";

#[cfg(test)]
#[path = "overrides_tests.rs"]
mod tests;
