//! What is dangerous or probably not meant in a valid configuration.

use std::path::Path;

use super::{
    Config,
    setting::{Namespace, Source},
};
use crate::{
    hub::engine::REDACTED,
    serving::{activation, listen::Address},
};

/// Returns the warnings about a configuration.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let is_public = activation::is_used()
        || config.texts("listen").iter().filter_map(|text| text.parse::<Address>().ok()).any(|it| it.is_public());
    if config.is("open") && is_public {
        warnings.push(format!("{}: everybody who reaches this address may publish everywhere", config.place("open")));
    }
    let is_anonymous = config.is("anonymous") || config.is("open");
    for namespace in &config.namespaces {
        of_namespace(namespace, is_public && is_anonymous, &mut warnings);
    }
    let short = |name, least: usize, what| {
        let is_short = |text: &String| text.len() < least && text != REDACTED;
        let texts = config.texts(name);
        texts.iter().any(is_short).then(|| format!("{}: {what}", config.place(name)))
    };
    warnings.extend(short("token_secret", 32, "a secret of less than 32 bytes can be guessed"));
    warnings.extend(short("api_key", 16, "a key of less than 16 bytes can be guessed"));
    if config.is("anonymous") && !config.is("open") && !config.namespaces.iter().any(|namespace| namespace.is("open")) {
        let place = config.place("anonymous");
        warnings.push(format!("{place}: clients without a token can enter nothing, because no namespace is open"));
    }
    warnings.extend(config.path.as_deref().and_then(|path| of_file(config, path)));
    warnings
}

fn of_namespace(namespace: &Namespace, strangers_come: bool, warnings: &mut Vec<String>) {
    let pattern = namespace.pattern.escape_debug();
    if strangers_come && namespace.is("open") && namespace.is("publish") {
        warnings.push(format!("namespace `{pattern}`: everybody who reaches this address may publish there"));
    }
    let has_history = namespace.text("history_size") != "0";
    for (given, needs, is_there) in [
        ("history_age", "history_size", has_history),
        ("read_history", "history_size", has_history),
        ("read_presence", "presence", namespace.is("presence")),
    ] {
        if namespace.is_given(given) && !is_there && namespace.text(given) != "false" {
            warnings.push(format!("namespace `{pattern}`: {given} does nothing without {needs}"));
        }
    }
}

/// A file with secrets that other users of the machine can read.
#[cfg(unix)]
fn of_file(config: &Config, path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    // A URL has a password before `@` or in its query.
    let is_secret = |name: &str, text: &str| text != REDACTED && (name != "engine" || text.contains(['@', '?']));
    let has_secrets = ["token_secret", "api_key", "engine"].iter().any(|name| {
        matches!(config.source(name), Source::File { .. })
            && config.texts(name).iter().any(|text| is_secret(name, text))
    });
    let mode = path.metadata().ok()?.permissions().mode();
    let is_open = has_secrets && mode & 0o004 != 0;
    is_open.then(|| format!("{}: every user of this machine can read the secrets in it (chmod o-r)", path.display()))
}

#[cfg(not(unix))]
fn of_file(_: &Config, _: &Path) -> Option<String> {
    None
}
