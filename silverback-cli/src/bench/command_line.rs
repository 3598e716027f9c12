//! The command line as a report may show it: reports are passed on, and an option's value may be a secret. So the values of
//! all options are hidden but of those that are known to hold none.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgMatches, Args as _, Command, parser::ValueSource};

use super::args::Args;
use crate::dialing::shown::shown_url;

/// The command line of a load without secrets, each option by its long name, in the order in which they were given.
pub(super) fn shown(words: impl IntoIterator<Item = OsString>) -> String {
    let command = Args::augment_args(Command::new(COMMAND));
    // The first word is the program's name.
    let given = command.clone().try_get_matches_from(words.into_iter().skip(1)).ok();
    let mut parts: Vec<(usize, String)> = Vec::new();
    if let Some(given) = &given {
        command.get_arguments().for_each(|option| parts.extend(occurrences(option, given)));
    }
    parts.sort_by_key(|(place, _)| *place);
    parts.into_iter().fold(format!("silverback {COMMAND}"), |line, (_, part)| line + " " + &part)
}

/// Each time that the option was given, with its place among the words.
fn occurrences(option: &Arg, given: &ArgMatches) -> Vec<(usize, String)> {
    let id = option.get_id().as_str();
    if given.value_source(id) != Some(ValueSource::CommandLine) {
        return Vec::new();
    }
    let name = option.get_long().map(|long| format!("--{long}"));
    let mut places = given.indices_of(id).into_iter().flatten();
    let values = given.get_raw_occurrences(id).into_iter().flatten();
    let takes_value = option.get_action().takes_values();
    values
        .map(|values| {
            let values: Vec<_> = values.collect();
            let place = places.by_ref().take(values.len().max(1)).min().unwrap_or(0);
            let value = values.iter().map(|value| shown_value(id, value)).collect::<Vec<_>>().join(",");
            let joint = if option.is_require_equals_set() { "=" } else { " " };
            let part = match &name {
                Some(name) if !takes_value || value.is_empty() => name.clone(),
                Some(name) => format!("{name}{joint}{}", quoted(&value)),
                None => quoted(&value),
            };
            (place, part)
        })
        .collect()
}

fn shown_value(id: &str, value: &OsStr) -> String {
    let value = value.to_string_lossy();
    match id {
        id if PLAIN.contains(&id) => value.into_owned(),
        id if URLS.contains(&id) => shown_url(&value),
        // Shows the header's name, which explains the load, and the path of a file with headers.
        "header" if value.starts_with('@') => value.into_owned(),
        "header" => value.split_once(':').map_or_else(|| HIDDEN.to_owned(), |(name, _)| format!("{name}: {HIDDEN}")),
        _ => HIDDEN.to_owned(),
    }
}

/// As a shell reads it.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+[]…".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

const COMMAND: &str = "bench";
const HIDDEN: &str = "…";

/// Shown without user name, password and query.
const URLS: [&str; 3] = ["url", "proxy", "origin"];

/// Options whose values hold no secret.
const PLAIN: [&str; 29] = [
    "connections",
    "ramp",
    "rate",
    "pipeline",
    "duration",
    "messages",
    "warmup",
    "size",
    "payload",
    "source",
    "streams",
    "broadcast",
    "server_pid",
    "threads",
    "timeout",
    "fail_if",
    "report",
    "password_file",
    "bearer_file",
    "max_redirs",
    "cacert",
    "cert",
    "key",
    "proxy_cacert",
    "noproxy",
    "resolve",
    "unix_socket",
    "max_head_size",
    "connect_timeout",
];

#[cfg(test)]
#[path = "command_line_tests.rs"]
mod tests;
