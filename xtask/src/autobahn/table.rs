//! The table for people: every case, its title and what the suite said about us in both roles.

use super::LEFT_OUT;
use super::judge::{INFORMATIONAL, Results, Seen};
use super::suite::Catalogue;

/// Depends on the results alone: no dates, no durations, no paths, so that two runs can be compared.
pub(super) fn render(catalogue: &Catalogue, server: &Results, client: &Results) -> String {
    let mut text = heading(catalogue);
    let mut group = "";
    for case in &catalogue.cases {
        if case.group != group {
            group = &case.group;
            text.push_str(&format!("\n## {group}\n\n| case | what | server | client |\n|---|---|---|---|\n"));
        }
        let title = case.title.replace('|', "\\|");
        let (server, client) = (word(server.seen(&case.id)), word(client.seen(&case.id)));
        text.push_str(&format!("| {} | {title} | {server} | {client} |\n", case.id));
    }
    text
}

fn heading(catalogue: &Catalogue) -> String {
    format!(
        "# Autobahn\n\n\
         Written by `cargo xtask autobahn --full`; `cargo xtask test` runs the same cases and compares. *Server* is the\n\
         program `silverback` under the suite's fuzzing client, *client* is our `Dialer` under its fuzzing server.\n\n\
         Versions: {}. Left out: groups {LEFT_OUT}.\n\n\
         In {} and {} the suite only notes what a peer chose to do.\n",
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
