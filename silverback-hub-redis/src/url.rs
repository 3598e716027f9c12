//! `redis://user:password@host:port/database`, `rediss://` with TLS, and `unix:///path/of/socket`.

use std::fmt;

/// Where the server is, and how to log in. It never shows the password.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: u32,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Place {
    Tcp { host: String, port: u16, tls: bool },
    Unix(String),
}

/// A password. `Debug` does not show it.
#[derive(Clone, PartialEq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(password: String) -> Self {
        Self(password)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Target {
    /// Reads a URL. The error says what is wrong, and nothing of the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("it has no scheme")?;
        match scheme {
            "redis" | "rediss" => Self::parse_tcp(rest, scheme == "rediss"),
            "unix" | "redis+unix" if rest.starts_with('/') => {
                let place = Place::Unix(decode(rest)?);
                Ok(Self { place, user: None, password: None, database: 0 })
            }
            "unix" | "redis+unix" => Err("the path of a socket must begin with a slash"),
            _ => Err("its scheme must be redis, rediss or unix"),
        }
    }

    fn parse_tcp(rest: &str, tls: bool) -> Result<Self, &'static str> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if [authority, path].iter().any(|part| part.contains(['?', '#'])) {
            // A password with one of these would be cut.
            return Err("options after ? or # are not known; write them as %3F or %23 in a password");
        }
        let (login, address) = authority.rsplit_once('@').map_or((None, authority), |(login, at)| (Some(login), at));
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            None => (None, None),
            Some((user, password)) => (filled(decode(user)?), filled(decode(password)?).map(Secret::new)),
        };
        if user.is_some() && password.is_none() {
            return Err("it has a user and no password; write a password alone as :password@");
        }
        let (host, port) = host_and_port(address)?;
        let database = match path {
            "" => 0,
            digits => digits.parse().map_err(|_| "its path must be the number of a database")?,
        };
        Ok(Self { place: Place::Tcp { host, port, tls }, user, password, database })
    }
}

fn host_and_port(address: &str) -> Result<(String, u16), &'static str> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("a bracket is missing")?;
            (host, rest.strip_prefix(':').or(rest.is_empty().then_some("")))
        }
        None => match address.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => {
                return Err("an address of IPv6 must be in brackets");
            }
            Some((host, port)) => (host, Some(port)),
            None => (address, Some("")),
        },
    };
    let port = match port.ok_or("its port is not a number")? {
        "" => DEFAULT_PORT,
        digits => digits.parse().map_err(|_| "its port is not a number")?,
    };
    if host.is_empty() {
        return Err("it has no host");
    }
    Ok((decode(host)?, port))
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Decodes `%XX`.
fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2).ok_or("a % is not followed by two digits")?;
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or("a % is not followed by two digits")?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8")
}

/// The address without user and password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { host, port, tls } => {
                let scheme = if *tls { "rediss" } else { "redis" };
                let (left, right) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{scheme}://{left}{host}{right}:{port}/{}", self.database)
            }
            Place::Unix(path) => write!(f, "unix://{path}"),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

const DEFAULT_PORT: u16 = 6379;

#[cfg(test)]
mod tests {
    use super::{Secret, Target};

    #[track_caller]
    fn check(url: &str, shown: &str, user: Option<&str>, password: Option<&str>) {
        let target = Target::parse(url).expect("a valid URL");
        assert_eq!(target.to_string(), shown);
        assert_eq!(target.user.as_deref(), user);
        assert_eq!(target.password.as_ref().map(Secret::expose), password);
        assert_eq!(format!("{target:?}"), shown, "no password");
    }

    #[test]
    fn urls_are_read_and_shown_without_their_password() {
        check("redis://localhost", "redis://localhost:6379/0", None, None);
        check("redis://localhost:6380/", "redis://localhost:6380/0", None, None);
        check("rediss://ann:s%40cr%3Aet@host:1/15", "rediss://host:1/15", Some("ann"), Some("s@cr:et"));
        check("redis://:only@[::1]:7/2", "redis://[::1]:7/2", None, Some("only"));
        check("redis://a:b@c@host", "redis://host:6379/0", Some("a"), Some("b@c"));
        check("unix:///run/redis.sock", "unix:///run/redis.sock", None, None);
    }

    #[test]
    fn urls_that_are_not_valid_are_errors_without_their_password() {
        for url in [
            "",
            "localhost:6379",
            "http://x",
            "redis://",
            "redis://:6379",
            "redis://h:x",
            "redis://h:99999",
            "redis://h/x",
            "redis://::1",
            "redis://[::1",
            "redis://[::1]x",
            "redis://ann@h",
            "redis://:a%4@h",
            "redis://:a%+1@h",
            "redis://:%ff@h",
            "redis://:secret@h?db=1",
            "redis://:sec?ret@h",
            "unix://x",
        ] {
            let error = Target::parse(url).expect_err(url);
            assert!(!error.contains("secret") && !error.contains("ann"), "{error}");
        }
    }
}
