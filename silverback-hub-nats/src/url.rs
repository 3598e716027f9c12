//! The addresses of a NATS cluster. A user, a password or a token in them is taken out at once, so that no address that
//! is printed later has it.

use std::{fmt, time::Duration};

use async_nats::ServerAddr;

/// Addresses without secrets, and the login that they had.
pub(crate) struct Addresses {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) login: Option<Login>,
}

/// Who logs in, by words that a URL can hold.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    User { name: String, password: String },
    Token(String),
}

/// Why a NATS engine cannot be made. No variant holds a secret.
#[derive(Debug)]
#[non_exhaustive]
pub enum NatsError {
    /// The address is not `nats://HOST:PORT` or `tls://HOST:PORT`, or several of them with commas between.
    Url(String),
    /// A prefix has 1 to 32 letters, digits, `-` and `_`.
    Prefix(String),
    /// The lifetime of positions or of ids is shorter than JetStream allows.
    TooShort(Duration),
    /// A file with certificates, a key or credentials cannot be used.
    File(String),
    /// The NATS client does not start.
    Client(String),
}

impl Addresses {
    /// Reads one URL, or several with commas between. The login of the first one that has any is used for all.
    pub(crate) fn parse(text: &str) -> Result<Self, NatsError> {
        let mut addresses = Self { servers: Vec::new(), login: None };
        for url in text.split(',').map(str::trim) {
            let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
            if !matches!(scheme, "nats" | "tls") {
                return Err(NatsError::Url("the scheme is neither `nats` nor `tls`".to_owned()));
            }
            let (login, host) = rest.rsplit_once('@').map_or((None, rest), |(login, host)| (Some(login), host));
            if let Some(login) = login {
                let login = Login::parse(login)?;
                addresses.login.get_or_insert(login);
            }
            // A slash before `@` would have put a part of the password here.
            let is_host = |host: &str| !host.is_empty() && host.bytes().all(is_of_a_host);
            let host = host.trim_end_matches('/');
            if !is_host(host) {
                return Err(NatsError::Url("there is no host and port".to_owned()));
            }
            let server = format!("{scheme}://{host}").parse().map_err(|_| {
                // Nothing is quoted: without its host, a login looks like a host and a port.
                NatsError::Url("there is no host and port".to_owned())
            })?;
            addresses.servers.push(server);
        }
        Ok(addresses)
    }
}

impl Login {
    fn parse(text: &str) -> Result<Self, NatsError> {
        match text.split_once(':') {
            Some((name, password)) => Ok(Self::User { name: decoded(name)?, password: decoded(password)? }),
            None => Ok(Self::Token(decoded(text)?)),
        }
    }
}

/// Hosts and ports, without a login.
pub(crate) fn describe(servers: &[ServerAddr]) -> String {
    let each: Vec<_> = servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
    each.join(",")
}

fn is_of_a_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
}

/// Replaces `%` and two hex digits by their byte.
fn decoded(text: &str) -> Result<String, NatsError> {
    let error = || NatsError::Url("the user or the password has a `%` without two hex digits".to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>().ok_or_else(error)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(error);
        bytes.push((digit(digits[0])? * 16 + digit(digits[1])?) as u8);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| error())
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { .. } => f.write_str("user and password"),
            Self::Token(_) => f.write_str("token"),
        }
    }
}

impl fmt::Display for NatsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => write!(f, "the NATS URL is not valid: {why}; use nats://HOST:PORT or tls://HOST:PORT"),
            Self::Prefix(prefix) => {
                write!(f, "the prefix {prefix:?} is not valid: use 1 to 32 letters, digits, `-` and `_`")
            }
            Self::TooShort(lasts) => write!(f, "JetStream keeps nothing for only {lasts:?}; use 100 ms or more"),
            Self::File(why) => f.write_str(why),
            Self::Client(why) => write!(f, "the NATS client does not start: {why}"),
        }
    }
}

impl std::error::Error for NatsError {}

#[cfg(test)]
mod tests {
    use super::{Addresses, Login};

    #[test]
    fn a_url_may_have_a_user_and_a_password_or_a_token() {
        let login = |url| Addresses::parse(url).expect("a valid URL").login;
        assert_eq!(login("nats://localhost:4222"), None);
        assert_eq!(login("localhost"), None);
        let user = |name: &str, password: &str| Some(Login::User { name: name.into(), password: password.into() });
        assert_eq!(login("nats://ann:s3c%40ret@[::1]:4222/"), user("ann", "s3c@ret"));
        assert_eq!(login("tls://ann:a@b@host"), user("ann", "a@b"));
        assert_eq!(login("tls://t0ken@host"), Some(Login::Token("t0ken".into())));
        let cluster = Addresses::parse("nats://a:1@one, nats://two:4223").expect("a valid URL");
        let hosts: Vec<_> = cluster.servers.iter().map(|server| (server.host(), server.port())).collect();
        assert_eq!((hosts, cluster.login), (vec![("one", 4222), ("two", 4223)], user("a", "1")));
    }

    #[test]
    fn no_error_shows_a_password() {
        for url in [
            "http://ann:s3cret@host",
            "nats://ann:s3cret@",
            "nats://ann:s3cret@ho st",
            "nats://ann:s3cret%zz@h",
            "nats://ann:s3cret@h:99999",
            "nats://ann:s3cret",
            "nats://ann:s3cret/@h/x",
        ] {
            if let Err(error) = Addresses::parse(url) {
                assert!(!format!("{error} {error:?}").contains("s3cret"), "{url}: {error}");
            }
        }
        let login = Addresses::parse("nats://ann:s3cret@host").expect("a valid URL").login;
        assert_eq!(format!("{login:?}"), "Some(user and password)");
    }
}
