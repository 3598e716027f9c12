//! Proxies and their URLs. `rules` chooses a proxy for a server. `tunnel` and `socks` speak to it.

mod environment;
mod exceptions;
mod rules;
#[cfg(feature = "socks")]
mod socks;
#[cfg(test)]
mod tests;
mod tunnel;

use std::{fmt, str::FromStr};

use data_encoding::BASE64;
use http::HeaderValue;
use silverback_proto::handshake::Authority;

pub use self::rules::{InvalidProxyVariable, ProxyRules};
#[cfg(feature = "socks")]
pub(super) use self::socks::{SocksTarget, through_socks};
pub(super) use self::tunnel::tunnel;

/// A proxy: its scheme, its address, and the user name and password for it.
///
/// ```
/// use silverback::dial::Proxy;
///
/// let proxy: Proxy = "socks5h://me:secret@proxy.example.com".parse()?;
/// assert_eq!(proxy.to_string(), "socks5h://proxy.example.com:1080");
/// # Ok::<_, silverback::dial::InvalidProxy>(())
/// ```
///
/// | scheme | default port | protocol |
/// |---|---|---|
/// | `http`, or none | 80 | HTTP `CONNECT`; the proxy resolves the server's name |
/// | `https` | 443 | the same, with TLS to the proxy |
/// | `socks5`, `socks` | 1080 | SOCKS5 (feature `socks`); the client resolves the server's name |
/// | `socks5h` | 1080 | SOCKS5 (feature `socks`); the proxy resolves the server's name |
///
/// User name and password are percent-decoded. No output of this type shows them.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Proxy {
    pub(super) kind: ProxyKind,
    /// An IPv6 address has no brackets here.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) credentials: Option<Credentials>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyKind {
    Http,
    Https,
    Socks5,
    Socks5h,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// Why a text is not the URL of a proxy. The text itself is not repeated, because it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidProxy {
    /// The scheme is not `http`, `https`, `socks5`, `socks` or `socks5h`.
    Scheme,
    /// The host is missing or malformed.
    Host,
    /// The port is not a number from 0 to 65535.
    Port,
    /// User name or password is not percent-encoded text, has a control character, or does not fit the scheme: for
    /// SOCKS5 each has 1 to 255 bytes, and for HTTP the name has no colon.
    Credentials,
    /// A path, a query or a fragment follows the port.
    Path,
}

impl Proxy {
    /// Returns the proxy's address as `host:port`.
    pub(super) fn target(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Returns the value of `Proxy-Authorization` (RFC 7617, 2).
    fn authorization(&self) -> Option<HeaderValue> {
        let credentials = self.credentials.as_ref()?;
        basic(&credentials.user, &credentials.password)
    }
}

/// Returns the value of an `Authorization` header for a user name and a password. Returns `None` if the name has a
/// colon, which would end it too early, or if either has a control character (RFC 7617, 2).
pub(super) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    if user.contains(':') || [user, password].into_iter().any(|text| text.contains(char::is_control)) {
        return None;
    }
    let encoded = BASE64.encode(format!("{user}:{password}").as_bytes());
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(url: &str) -> Result<Self, InvalidProxy> {
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
        let kind = ProxyKind::parse(scheme)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, address) = match rest.rsplit_once('@') {
            Some((credentials, address)) => (Some(Credentials::parse(credentials, kind)?), address),
            None => (None, rest),
        };
        if address.contains(['/', '?', '#']) {
            return Err(InvalidProxy::Path);
        }
        let address = parse_address(address)?;
        let host = address.host().trim_matches(['[', ']']).to_owned();
        Ok(Self { kind, host, port: address.port().unwrap_or(kind.default_port()), credentials })
    }
}

impl ProxyKind {
    fn parse(scheme: &str) -> Result<Self, InvalidProxy> {
        Ok(match scheme.to_ascii_lowercase().as_str() {
            "http" => Self::Http,
            "https" => Self::Https,
            // Desktops set `socks` in ALL_PROXY and mean version 5.
            "socks5" | "socks" => Self::Socks5,
            "socks5h" => Self::Socks5h,
            _ => return Err(InvalidProxy::Scheme),
        })
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

impl Credentials {
    fn parse(text: &str, kind: ProxyKind) -> Result<Self, InvalidProxy> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let (user, password) = (percent_decoded(user)?, percent_decoded(password)?);
        let fits = match kind {
            // RFC 7617, 2: the first colon ends the name.
            ProxyKind::Http | ProxyKind::Https => !user.contains(':'),
            // RFC 1929, 2: one byte holds each length, and the length is not zero.
            ProxyKind::Socks5 | ProxyKind::Socks5h => {
                [&user, &password].into_iter().all(|text| (1..=255).contains(&text.len()))
            }
        };
        if fits { Ok(Self { user, password }) } else { Err(InvalidProxy::Credentials) }
    }
}

fn parse_address(address: &str) -> Result<Authority, InvalidProxy> {
    Authority::from_input(address).ok_or_else(|| match address.rsplit_once(':') {
        Some((host, _)) if Authority::from_input(host).is_some() => InvalidProxy::Port,
        _ => InvalidProxy::Host,
    })
}

fn percent_decoded(text: &str) -> Result<String, InvalidProxy> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(), digit());
                match (high, low) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err(InvalidProxy::Credentials),
                }
            }
            byte => byte,
        });
    }
    let decoded = String::from_utf8(decoded).map_err(|_| InvalidProxy::Credentials)?;
    if decoded.contains(char::is_control) { Err(InvalidProxy::Credentials) } else { Ok(decoded) }
}

/// Leaves out user name and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.kind.scheme(), self.target())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = if self.credentials.is_some() { " with credentials" } else { "" };
        write!(f, "Proxy({self}{credentials})")
    }
}

impl fmt::Display for InvalidProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "a proxy's URL begins with http://, https://, socks5:// or socks5h://",
            Self::Host => "the proxy's URL needs a host, like http://proxy.example:3128",
            Self::Port => "the port in the proxy's URL must be a number from 0 to 65535",
            Self::Credentials => {
                "user name and password in the proxy's URL must be percent-encoded text, for SOCKS5 of 1 to 255 bytes \
                 each, for HTTP without a colon in the name"
            }
            Self::Path => "the proxy's URL ends with its port",
        })
    }
}

impl std::error::Error for InvalidProxy {}
