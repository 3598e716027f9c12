//! The environment variables that name proxies. Nobody has written down what they mean; this is what most programs do.

use super::{
    ProxyRules,
    rules::{InvalidProxyVariable, Setting},
};

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
