//! Every key of the configuration: what it means, how its value is written, and what holds without it. The option
//! `--max-connections`, the variable `SILVERBACK_MAX_CONNECTIONS` and the key `max_connections` are one setting.

use crate::{
    hub::engine,
    serving::{
        args::{parse_host, parse_log_format, parse_mode, parse_origin},
        listen::Address,
        trust::{ClientHeader, TrustedProxy},
    },
    values,
};

/// A setting.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What holds without it, as it would be written in a variable. Empty for nothing.
    pub(crate) default: &'static str,
    /// For the reference.
    pub(crate) meaning: &'static str,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// One value.
    One(Check),
    /// A list of values.
    List(Check),
    /// True or false.
    Choice,
    /// A text that is shown to nobody.
    Secret,
    /// A list of texts that are shown to nobody.
    Secrets,
    /// A URL, whose user, password and query are shown to nobody.
    Url(Check),
}

/// Says why a value is not valid.
pub(crate) type Check = fn(&str) -> Result<(), String>;

impl Key {
    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("SILVERBACK_{}", self.name.to_uppercase())
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List(_) | Kind::Secrets)
    }

    /// Says why one value is not valid.
    pub(crate) fn check(&self, text: &str) -> Result<(), String> {
        match self.kind {
            Kind::One(check) | Kind::List(check) | Kind::Url(check) => check(text),
            Kind::Choice => values::choice(text).map(drop),
            Kind::Secret | Kind::Secrets if text.trim().is_empty() => Err("must not be empty".to_owned()),
            Kind::Secret | Kind::Secrets => Ok(()),
        }
    }

    /// Returns a value as it may be shown.
    pub(crate) fn shown(&self, text: &str) -> String {
        match self.kind {
            Kind::Secret | Kind::Secrets => engine::REDACTED.to_owned(),
            Kind::Url(_) => engine::shown(text),
            Kind::One(_) | Kind::List(_) | Kind::Choice => text.to_owned(),
        }
    }
}

/// Finds a key by its name.
pub(crate) fn find<'a>(keys: &'a [Key], name: &str) -> Option<&'a Key> {
    keys.iter().find(|key| key.name == name)
}

const fn key(name: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key { name, kind, default, meaning }
}

fn time(text: &str) -> Result<(), String> {
    values::time(text).map(drop)
}

fn time_or_none(text: &str) -> Result<(), String> {
    values::time_or_none(text).map(drop)
}

fn size(text: &str) -> Result<(), String> {
    values::size(text).map(drop)
}

fn count(text: &str) -> Result<(), String> {
    values::connections(text).map(drop)
}

fn count_or_none(text: &str) -> Result<(), String> {
    values::connections_or_none(text).map(drop)
}

fn rate(text: &str) -> Result<(), String> {
    values::accept_rate(text).map(drop)
}

fn threads(text: &str) -> Result<(), String> {
    values::threads(text).map(drop)
}

fn memory(text: &str) -> Result<(), String> {
    values::memory_limit(text).map(drop)
}

fn head(text: &str) -> Result<(), String> {
    values::head_size(text).map(drop)
}

fn address(text: &str) -> Result<(), String> {
    text.parse::<Address>().map(drop)
}

fn origin(text: &str) -> Result<(), String> {
    parse_origin(text).map(drop)
}

fn host(text: &str) -> Result<(), String> {
    parse_host(text).map(drop)
}

fn log_format(text: &str) -> Result<(), String> {
    parse_log_format(text).map(drop)
}

fn proxy(text: &str) -> Result<(), String> {
    text.parse::<TrustedProxy>().map(drop)
}

fn client_header(text: &str) -> Result<(), String> {
    text.parse::<ClientHeader>().map(drop)
}

fn mode(text: &str) -> Result<(), String> {
    parse_mode(text).map(drop)
}

fn path(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(()) }
}

fn prefix(text: &str) -> Result<(), String> {
    let is_one = (1..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_one { Ok(()) } else { Err("must be 1 to 32 letters, digits, - and _".to_owned()) }
}

fn joins(text: &str) -> Result<(), String> {
    one_of(text, &["off", "asked", "always"])
}

fn slow(text: &str) -> Result<(), String> {
    one_of(text, &["disconnect", "drop-newest", "drop-oldest", "conflate"])
}

fn one_of(text: &str, choices: &[&str]) -> Result<(), String> {
    if choices.contains(&text) { Ok(()) } else { Err(format!("must be one of {}", choices.join(", "))) }
}

/// The keys at the top.
pub(crate) const TOP: [Key; 47] = [
    key("listen", Kind::List(address), "localhost:8000", "the addresses to listen on, HOST:PORT or unix:PATH"),
    key("listen_mode", Kind::One(mode), "", "the permissions of Unix sockets, in octal like \"660\""),
    key(
        "engine",
        Kind::Url(engine::check),
        "memory",
        "`memory`, or the URL of a broker: nats://, tls://, redis://, rediss://",
    ),
    key("engine_file", Kind::One(path), "", "a file with the engine, because URLs hold passwords"),
    key(
        "engine_prefix",
        Kind::One(prefix),
        "hub",
        "the first part of all names at the broker; hubs with the same one are nodes of one hub",
    ),
    key("open", Kind::Choice, "false", "everybody may connect, subscribe and publish everywhere, without a token"),
    key("anonymous", Kind::Choice, "false", "clients may connect without a token, and enter namespaces that are open"),
    key("token_secret", Kind::Secret, "", "the secret of tokens with HS256, HS384 and HS512, of 32 bytes or more"),
    key("token_secret_file", Kind::One(path), "", "a file with this secret"),
    key("token_jwks_file", Kind::One(path), "", "a file with public keys of tokens, a JWK set (RFC 7517)"),
    key("api_key", Kind::Secrets, "", "the keys of the HTTP API; without one nobody may call it"),
    key("api_key_file", Kind::One(path), "", "a file with a key of the HTTP API in each line"),
    key("personal_channels", Kind::Choice, "false", "subscribe each user to its own channel, `#` and the user id"),
    key("allow_origin", Kind::List(origin), "", "web pages that may connect, beside those of the same origin"),
    key("allow_host", Kind::List(host), "", "hosts that requests may name; on loopback only loopback names without it"),
    key(
        "trusted_proxy",
        Kind::List(proxy),
        "",
        "proxies that are believed about the addresses of clients: an address, a network like 10.0.0.0/8, or `unix`",
    ),
    key(
        "client_header",
        Kind::One(client_header),
        "x-forwarded-for",
        "the header in which they tell it: `x-forwarded-for` or `forwarded`",
    ),
    key(
        "proxy_protocol",
        Kind::Choice,
        "false",
        "connections of trusted proxies begin with a header of the PROXY protocol, version 1 or 2",
    ),
    key("tls_cert", Kind::One(path), "", "a PEM file with the certificate, read again when it changes"),
    key("tls_key", Kind::One(path), "", "a PEM file with its key"),
    key("tls_self_signed", Kind::Choice, "false", "make a certificate at each start, for trying things out"),
    key("admin", Kind::One(address), "", "the address of the listener for operators; without it there is none"),
    key("admin_token", Kind::Secret, "", "the token of that listener, of 16 characters or more"),
    key("admin_token_file", Kind::One(path), "", "a file with this token"),
    key("log_format", Kind::One(log_format), "", "print a line when a connection ends, as `text` or `json`"),
    key("metrics", Kind::One(address), "", "the address of /metrics for Prometheus; without it there is none"),
    key(
        "max_connections",
        Kind::One(count),
        "50000",
        "WebSockets at a time; more get 503. Without it, no more than the limit on open files allows",
    ),
    key(
        "max_connections_per_address",
        Kind::One(count_or_none),
        "0",
        "WebSockets at a time from one IPv4 address or one /64 of IPv6; 0 for no limit, as behind a proxy",
    ),
    key(
        "accept_rate",
        Kind::One(rate),
        "0",
        "WebSockets that may open in a second, after a burst of as many; more get 503 and come back later; 0 for no limit",
    ),
    key("max_connections_per_user", Kind::One(count), "1024", "WebSockets at a time of one user on this node"),
    key("max_message_size", Kind::One(size), "64KiB", "the largest message of a client, and the largest payload"),
    key("max_topics_per_client", Kind::One(count), "128", "subscriptions of one client"),
    key("max_commands_per_message", Kind::One(count), "1000", "commands in one message of a client"),
    key("max_commands_per_second", Kind::One(count), "200", "commands of a client in a second, on average"),
    key("max_commands_in_burst", Kind::One(count), "2000", "commands of a client at once; more get error 111"),
    key(
        "max_backlog",
        Kind::One(size),
        "256KiB",
        "the largest backlog of one client that reads slowly; if it is full, `when_slow` applies",
    ),
    key("max_backlogs", Kind::One(size), "256MiB", "the largest backlog of all clients together"),
    key("max_head_size", Kind::One(head), "16KiB", "the head of a request"),
    key("memory_limit", Kind::One(memory), "256MiB", "memory for compression over all connections"),
    key(
        "compression",
        Kind::Choice,
        "false",
        "compress messages for clients that offer it; each takes more memory then",
    ),
    key("handshake_timeout", Kind::One(time), "10s", "the time for a request, and for the first command of a client"),
    key("close_timeout", Kind::One(time), "5s", "the time for a client's reply when its connection is closed"),
    key("ping_interval", Kind::One(time), "25s", "how often clients are pinged"),
    key("presence_lease", Kind::One(time), "30s", "how long clients stay present after their node has died"),
    key("check_positions", Kind::One(time), "30s", "how often topics with history are compared with the engine"),
    key("drain", Kind::One(time_or_none), "25s", "the longest time over which connections are closed at the end"),
    key("threads", Kind::One(threads), "", "threads for connections; one for each core without it, at most 4"),
];

/// The keys of a namespace, `[namespaces."chat:*"]`.
pub(crate) const NAMESPACE: [Key; 9] = [
    key("history_size", Kind::One(count_or_none), "0", "publications that are kept; 0 for none"),
    key("history_age", Kind::One(time), "5m", "how long they are kept"),
    key("presence", Kind::Choice, "false", "keep a list of who is subscribed"),
    key("open", Kind::Choice, "false", "every client may subscribe; otherwise a token for the channel is needed"),
    key("publish", Kind::Choice, "false", "subscribers may publish; otherwise only services do"),
    key("read_history", Kind::Choice, "false", "subscribers may read the history; they recover in any case"),
    key("read_presence", Kind::Choice, "false", "subscribers may see who is present"),
    key("joins", Kind::One(joins), "off", "who is told about joins and leaves: `off`, `asked` or `always`"),
    key(
        "when_slow",
        Kind::One(slow),
        "disconnect",
        "the loss of a client whose backlog is full: `disconnect`, `drop-newest`, `drop-oldest`, `conflate`",
    ),
];

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
