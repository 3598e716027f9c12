//! docs/autobahn.md: every case, its title and the suite's result for both roles.

use super::results::{INFORMATIONAL, Results, Seen};
use super::selection;
use super::suite::{Case, Catalogue};

/// The rows depend on the results alone: no durations, no paths, so that two runs can be compared.
pub(super) fn render(catalogue: &Catalogue, server: &Results, client: &Results, date: &str) -> String {
    let is_as_it_should = |case: &&Case| {
        [server, client].iter().all(|results| ["OK", "INFORMATIONAL"].contains(&word(results.seen(&case.id)).as_str()))
    };
    let good = catalogue.cases.iter().filter(is_as_it_should).count();
    let mut text = heading(catalogue, good, date);
    let mut group = "";
    for case in &catalogue.cases {
        if case.group != group {
            group = &case.group;
            text.push_str(&format!("\n## {group}\n\n| case | what | server | client |\n|---|---|---|---|\n"));
        }
        text.push_str(&row(case, server, client));
    }
    text
}

/// The cases for which `written` differs from the results.
pub(super) fn differences(written: &str, catalogue: &Catalogue, server: &Results, client: &Results) -> Vec<String> {
    let is_missing = |case: &&Case| !written.contains(&row(case, server, client));
    catalogue.cases.iter().filter(is_missing).map(|case| case.id.clone()).collect()
}

fn row(case: &Case, server: &Results, client: &Results) -> String {
    let title = case.title.replace('|', "\\|");
    let (server, client) = (word(server.seen(&case.id)), word(client.seen(&case.id)));
    format!("| {} | {title} | {server} | {client} |\n", case.id)
}

fn heading(catalogue: &Catalogue, good: usize, date: &str) -> String {
    format!(
        "# Autobahn\n\n\
         **In short:** {good} of {} cases are OK in both roles, or only recorded. All of them were run on {date}; each run of\n\
         `cargo xtask test` repeats more than half of them.\n\n\
         `cargo xtask autobahn --full` writes this page: {} cases in two roles. *Server* is the program `silverback`, tested\n\
         by the suite's fuzzing client. *Client* is our `Dialer`, tested by its fuzzing server. Both use compression and\n\
         default settings, except that the echo service accepts messages of 16 MiB, the library's default.\n\n\
         `cargo xtask test` runs a part and compares it with this table: {}.\n\n\
         Over HTTP/2 and HTTP/3 a converter is between the suite and silverback (`tests/interop/README.md`). `cargo xtask\n\
         test` runs {} in both roles over each, and all must be OK.\n\n\
         Versions: {}. In the cases {} and {} the suite only records the peer's behaviour.\n",
        catalogue.cases.len(),
        catalogue.cases.len(),
        selection::WORDS,
        selection::WORDS_OVER_STREAMS.replace(" 12.1.11", "\n12.1.11"),
        catalogue.versions.join(", "),
        INFORMATIONAL[..INFORMATIONAL.len() - 1].join(", "),
        INFORMATIONAL[INFORMATIONAL.len() - 1],
    )
}

fn word(seen: Option<&Seen>) -> String {
    match seen {
        None => "did not run".to_owned(),
        Some(seen) if seen.behavior == seen.behavior_close => seen.behavior.clone(),
        Some(seen) => format!("{} (close: {})", seen.behavior, seen.behavior_close),
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
