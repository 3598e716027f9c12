//! The environment variables that name proxies. They have no standard, so this file reads them as most programs do.

use super::rules::{InvalidProxyVariable, ProxyRules, Setting};

impl ProxyRules {
    /// Returns the rules of the environment, read as most programs read them:
    ///
    /// - `http_proxy` is for `ws://` and `https_proxy` for `wss://`. If it is missing or empty, `all_proxy` is used.
    ///   Lower case takes precedence over upper case, even if it is empty. `HTTP_PROXY` in upper case is ignored if
    ///   `REQUEST_METHOD` is set, because the client of a CGI program could have written it.
    /// - `no_proxy` is read as by [`except`](Self::except).
    /// - `localhost`, the names below it and the addresses of this machine (127.0.0.0/8, `::1`) are always reached
    ///   directly.
    ///
    /// If a value is not the URL of a proxy, [`proxy_for`](Self::proxy_for) returns an error for the servers that the
    /// variable is for.
    pub fn from_env() -> Self {
        read(|name| std::env::var(name).ok())
    }
}

pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> ProxyRules {
    let either = |[lower, upper]: [&'static str; 2]| {
        let found = variable(lower).map(|value| (lower, value)).or_else(|| Some((upper, variable(upper)?)));
        found.filter(|(_, value)| !value.trim().is_empty())
    };
    let all = either(ALL);
    // The header `Proxy` of a request becomes HTTP_PROXY in the environment of a CGI program.
    let http = match variable("REQUEST_METHOD") {
        Some(_) => either([HTTP[0]; 2]),
        None => either(HTTP),
    };
    let rules = ProxyRules {
        plain: http.or_else(|| all.clone()).map(setting),
        secure: either(HTTPS).or(all).map(setting),
        never_loopback: true,
        ..ProxyRules::default()
    };
    rules.except(&either(NO).map(|(_, list)| list).unwrap_or_default())
}

/// Parses the URL of a proxy. An error is reported only when a server needs this proxy, because many programs share the
/// variables.
fn setting((name, url): (&'static str, String)) -> Setting {
    url.parse().map_err(|error| InvalidProxyVariable { name, error })
}

const ALL: [&str; 2] = ["all_proxy", "ALL_PROXY"];
const HTTP: [&str; 2] = ["http_proxy", "HTTP_PROXY"];
const HTTPS: [&str; 2] = ["https_proxy", "HTTPS_PROXY"];
const NO: [&str; 2] = ["no_proxy", "NO_PROXY"];
