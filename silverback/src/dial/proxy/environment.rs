//! The environment variables that name proxies. Nobody has written down what they mean; this is what most programs do.

use super::rules::{InvalidProxyVariable, ProxyRules, Setting};

impl ProxyRules {
    /// What the environment says, as most programs read it:
    ///
    /// - `http_proxy` for `ws://`, `https_proxy` for `wss://`, else `all_proxy`; lower case goes before upper case, and
    ///   an empty value means none. `HTTP_PROXY` in upper case is not believed where `REQUEST_METHOD` is set: there a
    ///   client of a CGI program could have written it.
    /// - `no_proxy` as [`except`](Self::except).
    /// - `localhost`, the names below it and the addresses of this machine (127.0.0.0/8, `::1`) are always reached
    ///   directly.
    ///
    /// A value that is no proxy's URL is an error of [`proxy_for`](Self::proxy_for), for the servers that it is for.
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
    // A request's header `Proxy` becomes HTTP_PROXY in the environment of a CGI program.
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

/// Judged here, and complained about only where it matters: many programs share the variables.
fn setting((name, url): (&'static str, String)) -> Setting {
    url.parse().map_err(|error| InvalidProxyVariable { name, error })
}

const ALL: [&str; 2] = ["all_proxy", "ALL_PROXY"];
const HTTP: [&str; 2] = ["http_proxy", "HTTP_PROXY"];
const HTTPS: [&str; 2] = ["https_proxy", "HTTPS_PROXY"];
const NO: [&str; 2] = ["no_proxy", "NO_PROXY"];
