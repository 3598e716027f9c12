//! The engine: in this process, or a broker that several nodes share.

use silverback_hub::HubBuilder;

use crate::{dialing::shown::shown_url, error::Error};

/// The schemes of URLs, and the feature of the program that each needs.
const SCHEMES: [(&str, &str); 4] = [("nats", "nats"), ("tls", "nats"), ("redis", "redis"), ("rediss", "redis")];

/// Says why a text does not name an engine. Does not quote it, because it may have a password.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if text == "memory" {
        return Ok(());
    }
    let feature = feature_of(text).ok_or_else(|| FORM.to_owned())?;
    match is_built_in(feature) {
        true => Ok(()),
        false => Err(not_built_in(feature)),
    }
}

/// Returns the engine without its secrets.
pub(crate) fn shown(text: &str) -> String {
    if text == "memory" { text.to_owned() } else { text.split(',').map(redacted).collect::<Vec<_>>().join(",") }
}

/// The name of the engine for logs and metrics.
pub(crate) fn kind(text: &str) -> &'static str {
    feature_of(text).unwrap_or("memory")
}

/// Gives the hub its engine. A broker that is down does not fail: the hub is not ready until it comes up.
#[cfg_attr(not(any(feature = "nats", feature = "redis")), expect(unused_variables, reason = "only brokers have names"))]
pub(crate) async fn install(hub: HubBuilder, text: &str, prefix: &str) -> Result<HubBuilder, Error> {
    match feature_of(text) {
        None => Ok(hub),
        #[cfg(feature = "nats")]
        Some("nats") => {
            let engine = silverback_hub_nats::Nats::builder(text).prefix(prefix).connect().await;
            Ok(hub.engine(engine.map_err(|error| unusable(&error))?))
        }
        #[cfg(feature = "redis")]
        Some("redis") => {
            let engine = silverback_hub_redis::Redis::builder(text).prefix(prefix).connect().await;
            Ok(hub.engine(engine.map_err(|error| unusable(&error))?))
        }
        Some(feature) => Err(Error::Usage(format!("engine: {}", not_built_in(feature)))),
    }
}

/// The errors of the engines do not quote the URL.
#[cfg(any(feature = "nats", feature = "redis"))]
fn unusable(error: &dyn std::error::Error) -> Error {
    Error::Usage(format!("engine: {error}"))
}

/// A URL with a user, a password or a query keeps the form of one.
fn redacted(url: &str) -> String {
    let shown = shown_url(url);
    let (scheme, rest) = shown.split_once("://").unwrap_or(("", &shown));
    let place = rest.split(['?', '#']).next().unwrap_or_default();
    if shown == url { shown } else { format!("{scheme}://{REDACTED}@{place}") }
}

fn feature_of(text: &str) -> Option<&'static str> {
    let (scheme, _) = text.split_once("://")?;
    SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme)).map(|(_, feature)| *feature)
}

fn not_built_in(feature: &str) -> String {
    format!("this build of the program has no engine for it; build it with --features {feature}")
}

fn is_built_in(feature: &str) -> bool {
    (feature == "nats" && cfg!(feature = "nats")) || (feature == "redis" && cfg!(feature = "redis"))
}

const FORM: &str = "must be memory, or a URL that begins with nats://, tls://, redis:// or rediss://";

/// Stands for a secret. A hub does not start with it.
pub(crate) const REDACTED: &str = "REDACTED";
