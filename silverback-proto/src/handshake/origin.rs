//! Which web pages may open a connection (RFC 6455, 4.2.2 and 10.2; RFC 6454): origins, and the policies that check
//! them. The server chooses its policy.

use std::fmt;
use std::str::FromStr;

use super::{authority::Authority, host_name::ascii_host, received::Received};

/// A web origin: scheme, host and port, such as `https://example.com` or `http://localhost:3000`. Also `file://`, which
/// the web views of some apps send.
///
/// Upper case, an explicit default port (`https://example.com:443`) and long forms of an IPv6
/// address make no difference.
///
/// ```
/// use silverback_proto::handshake::Origin;
///
/// let entry: Origin = "https://Example.com:443".parse()?;
/// assert_eq!(entry, Origin::parse("https://example.com")?);
/// assert_ne!(entry, Origin::parse("http://example.com")?);
/// # Ok::<_, silverback_proto::handshake::ParseOriginError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Lower case.
    scheme: Box<str>,
    /// The host with the effective port. The port is `None` if we know no default for the scheme. `file://` and `null`
    /// have no authority.
    authority: Option<Authority>,
}

impl Origin {
    /// Reads an origin as browsers write it: `scheme://host` or `scheme://host:port`. A host name outside ASCII is
    /// converted with the feature `idna`.
    ///
    /// # Errors
    /// Fails if a part is missing, or if there is a path, user information, a wildcard or `null` (see
    /// [`dangerous_null`](Self::dangerous_null)).
    pub fn parse(text: &str) -> Result<Self, ParseOriginError> {
        if text.eq_ignore_ascii_case("null") {
            return Err(ParseOriginError::Null);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ParseOriginError::NoScheme)?;
        if !is_scheme(scheme) {
            return Err(ParseOriginError::NoScheme);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(ParseOriginError::HasPath);
        }
        let rest = ascii_host(rest).ok_or(ParseOriginError::NotAscii)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme == "file" && rest.is_empty() {
            return Ok(Self { scheme: scheme.into(), authority: None });
        }
        let mut authority = Authority::parse(rest.as_bytes()).ok_or(ParseOriginError::InvalidHost)?;
        authority.port = authority.port.or(default_port(&scheme));
        Ok(Self { scheme: scheme.into(), authority: Some(authority) })
    }

    /// Returns the opaque origin, which browsers write as `null` (RFC 6454, 7.3). Pages opened from a disk have it, and
    /// so has every page in a sandboxed frame: any site can make one. A list that holds it is open to all of them.
    pub fn dangerous_null() -> Self {
        Self { scheme: NULL.into(), authority: None }
    }

    /// Whether a page of this origin came from the server that the `Host` header names.
    ///
    /// This compares host and port but not the scheme, because a server behind a proxy that terminates TLS does not
    /// know its own scheme. A missing port means the default of the origin's scheme, so `https://example.com` matches
    /// both `Host: example.com` and `Host: example.com:443`. Only `http` and `https` can match.
    pub fn is_same_as_host(&self, host: &[u8]) -> bool {
        let (Some(host), Some(own)) = (Authority::parse(host), &self.authority) else {
            return false;
        };
        matches!(&*self.scheme, "http" | "https")
            && host.host == own.host
            && host.port.or(default_port(&self.scheme)) == own.port
    }
}

impl FromStr for Origin {
    type Err = ParseOriginError;

    fn from_str(text: &str) -> Result<Self, ParseOriginError> {
        Self::parse(text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(authority) = &self.authority else {
            return f.write_str(if *self.scheme == *NULL { NULL } else { "file://" });
        };
        write!(f, "{}://{}", self.scheme, authority.host)?;
        match authority.port {
            port if port == default_port(&self.scheme) => Ok(()),
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Why a text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseOriginError {
    /// The text is the opaque origin `null`, which every sandboxed page has.
    Null,
    /// No `scheme://` in front.
    NoScheme,
    /// A slash, a query or a fragment after the host.
    HasPath,
    /// A host name outside ASCII.
    NotAscii,
    /// The host or the port is missing or malformed.
    InvalidHost,
}

impl fmt::Display for ParseOriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "`null` is the origin of sandboxed pages and files, which any site can have",
            Self::NoScheme => "an origin begins with a scheme, as in https://example.com",
            Self::HasPath => "an origin ends after host and port, without a slash or a path",
            Self::NotAscii => "a host name outside ASCII is written in its xn-- form in an origin",
            Self::InvalidHost => "after the scheme an origin has a host, and perhaps a port from 0 to 65535",
        })
    }
}

impl std::error::Error for ParseOriginError {}

/// Which origins may open a connection. A request without `Origin` does not come from a browser
/// and passes every policy (RFC 6455, 4.2.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginPolicy {
    /// Pages that came from this server: see [`Origin::is_same_as_host`]. The default.
    #[default]
    SameOrigin,
    /// Pages that came from this server, and these origins.
    SameOriginOr(Vec<Origin>),
    /// Exactly these origins. The server's own counts only if it is listed, so `Host`, which a
    /// DNS-rebinding page controls, plays no part.
    AllowList(Vec<Origin>),
    /// Every origin, and any other value of the header. Every page that a user visits can then connect with that user's
    /// cookies.
    Any,
}

impl OriginPolicy {
    /// Validates the values of the `Origin` and `Host` headers of a request.
    ///
    /// # Errors
    /// Fails if the policy does not allow the origin. The error names the origin and the reason.
    pub fn check(&self, origin: Option<&[u8]>, host: &[u8]) -> Result<(), OriginRefused> {
        let Some(origin) = origin else {
            return Ok(());
        };
        if matches!(self, Self::Any) {
            return Ok(());
        }
        self.validate(origin, host).map_err(|reason| OriginRefused {
            origin: Received::new(origin),
            host: Received::new(host),
            reason,
        })
    }

    fn validate(&self, origin: &[u8], host: &[u8]) -> Result<(), OriginRefusedReason> {
        // Browsers send names only in their xn-- form.
        let text = std::str::from_utf8(origin).ok().filter(|text| text.is_ascii());
        let text = text.ok_or(OriginRefusedReason::Malformed(ParseOriginError::NotAscii))?;
        let origin = match Origin::parse(text) {
            Err(ParseOriginError::Null) if self.lists(&Origin::dangerous_null()) => return Ok(()),
            parsed => parsed.map_err(OriginRefusedReason::Malformed)?,
        };
        let allowed = match self {
            Self::SameOrigin => origin.is_same_as_host(host),
            Self::SameOriginOr(_) => self.lists(&origin) || origin.is_same_as_host(host),
            Self::AllowList(_) => self.lists(&origin),
            Self::Any => true,
        };
        match (allowed, self) {
            (true, _) => Ok(()),
            (false, Self::SameOrigin) => Err(OriginRefusedReason::OtherHost),
            (false, _) => Err(OriginRefusedReason::NotListed),
        }
    }

    fn lists(&self, origin: &Origin) -> bool {
        match self {
            Self::SameOriginOr(list) | Self::AllowList(list) => list.contains(origin),
            Self::SameOrigin | Self::Any => false,
        }
    }
}

/// A connection was refused because of the origin of its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRefused {
    origin: Received,
    host: Received,
    reason: OriginRefusedReason,
}

impl OriginRefused {
    /// The reason.
    pub fn reason(&self) -> OriginRefusedReason {
        self.reason
    }
}

/// Why an origin was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginRefusedReason {
    /// The header is not an origin, or it is `null`.
    Malformed(ParseOriginError),
    /// Host or port differ from those of the `Host` header.
    OtherHost,
    /// The origin is not on the list.
    NotListed,
}

impl fmt::Display for OriginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, host, .. } = self;
        match self.reason {
            OriginRefusedReason::Malformed(error) => {
                write!(f, "the origin {origin} is refused: {error}")
            }
            OriginRefusedReason::OtherHost => {
                write!(f, "a page of {origin} may not connect to {host}: only pages of this server may")
            }
            OriginRefusedReason::NotListed => {
                write!(f, "a page of {origin} may not connect to {host}: it is not on the list of origins")
            }
        }
    }
}

impl std::error::Error for OriginRefused {}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// The opaque origin. It has no `://`, so it cannot be confused with another origin.
const NULL: &str = "null";
