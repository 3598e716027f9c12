//! Where the server is, and how to log in.

use std::{fmt, path::PathBuf};

use redis::{ConnectionAddr, IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo};

/// A parsed URL. `Debug` and `Display` show no user and no password.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) login: RedisConnectionInfo,
}

#[derive(Clone)]
pub(crate) enum Place {
    Tcp { host: String, port: u16, tls: bool },
    Unix(PathBuf),
}

impl Target {
    /// Reads `redis://user:password@host:port/database`, `rediss://` with TLS, or `unix:///path/of/socket`. The error says
    /// what is wrong, and nothing of the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        // The crate reads `rediss` only with its own TLS. That takes the cryptography which the process has chosen, and
        // panics if it has not chosen one. TLS is ours here, so the rest is read as `redis`.
        let rest = url.strip_prefix("rediss://");
        let plain = rest.map(|rest| format!("redis://{rest}"));
        let info = plain.as_deref().unwrap_or(url).into_connection_info().map_err(|error| what(&error))?;
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Tcp { host: host.clone(), port: *port, tls: rest.is_some() },
            ConnectionAddr::Unix(path) => Place::Unix(path.clone()),
            _ => return Err("its scheme must be redis, rediss or unix".to_owned()),
        };
        let login = info.redis_settings();
        if login.username().is_some() && login.password().is_none() {
            // The crate would log in as nobody.
            return Err("it has a user and no password; write a password alone as :password@".to_owned());
        }
        let login = with_resp3(login.clone());
        Ok(Self { place, login })
    }

    /// Replaces user and password.
    pub(crate) fn log_in(&mut self, user: Option<&str>, password: &str) {
        let login = RedisConnectionInfo::default().set_db(self.login.db()).set_password(password);
        self.login = with_resp3(match user {
            Some(user) => login.set_username(user),
            None => login,
        });
    }
}

/// With RESP3, messages come beside the replies, on the connection that has subscribed.
fn with_resp3(login: RedisConnectionInfo) -> RedisConnectionInfo {
    login.set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name()
}

/// What is wrong with a URL, in the words of the crate, which repeat nothing of it.
fn what(error: &redis::RedisError) -> String {
    let text = error.to_string();
    text.split(" - ").next().unwrap_or_default().to_owned()
}

/// The address without user and password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { host, port, tls } => {
                let scheme = if *tls { "rediss" } else { "redis" };
                let (left, right) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{scheme}://{left}{host}{right}:{port}/{}", self.login.db())
            }
            Place::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[track_caller]
    fn check(url: &str, shown: &str, user: Option<&str>, password: Option<&str>) {
        let target = Target::parse(url).expect("a valid URL");
        assert_eq!(target.to_string(), shown);
        assert_eq!(target.login.username(), user);
        assert_eq!(target.login.password(), password);
        assert_eq!(format!("{target:?}"), shown, "no password");
    }

    #[test]
    fn urls_are_read_and_shown_without_their_password() {
        check("redis://localhost", "redis://localhost:6379/0", None, None);
        check("redis://localhost:6380/", "redis://localhost:6380/0", None, None);
        check("rediss://ann:s%40cr%3Aet@host:1/15", "rediss://host:1/15", Some("ann"), Some("s@cr:et"));
        check("redis://:only@[::1]:7/2", "redis://[::1]:7/2", None, Some("only"));
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
            "redis://[::1",
            "redis://ann@h",
            "redis://:%ff@h",
            "redis://:sec?ret@h",
            "rediss://:secret@h:x",
        ] {
            let error = Target::parse(url).expect_err(url);
            assert!(!error.contains("sec") && !error.contains("ann"), "{error}");
        }
    }
}
