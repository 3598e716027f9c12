//! The environment variables that name proxies. Nobody has written down what they mean; this is what most programs do.

use super::{InvalidProxy, Proxy, ProxyRules};

pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<ProxyRules, InvalidProxy> {
    let either = |name: &str| {
        let lower = variable(name);
        lower.or_else(|| variable(&name.to_ascii_uppercase())).filter(|value| !value.trim().is_empty())
    };
    let all = either("all_proxy");
    // A request's header `Proxy` becomes HTTP_PROXY in the environment of a CGI program.
    let http = match variable("REQUEST_METHOD") {
        Some(_) => variable("http_proxy").filter(|value| !value.trim().is_empty()),
        None => either("http_proxy"),
    };
    let parse = |url: Option<String>| url.map(|url| url.parse::<Proxy>()).transpose();
    let rules = ProxyRules {
        plain: parse(http.or_else(|| all.clone()))?,
        secure: parse(either("https_proxy").or(all))?,
        never_loopback: true,
        ..ProxyRules::default()
    };
    Ok(rules.except(&either("no_proxy").unwrap_or_default()))
}
