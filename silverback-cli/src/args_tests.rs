//! The command line against clap's own rules, and against the page that describes it.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use clap::{Arg, Command};
use silverback_testkit::pages::{self, Call};

use super::*;
use crate::error::EXIT_CODES;

#[test]
fn clap_finds_no_fault_with_the_options() {
    Args::command().debug_assert();
}

/// To write the tables anew: `SILVERBACK_WRITE_DOCS=1 cargo test -p silverback-cli --bin silverback tables`.
#[test]
fn the_tables_of_the_page_are_what_the_program_takes() {
    let path = page_path();
    let mut page = fs::read_to_string(&path).unwrap();
    let writes = env::var_os("SILVERBACK_WRITE_DOCS").is_some();
    for (name, command) in commands() {
        let (begin, end) = (format!("<!-- flags of {name} -->\n"), "<!-- end of flags -->\n");
        if writes && !page.contains(&begin) {
            let _ = write!(page, "\n## `silverback {name}`\n\n{begin}{end}");
        }
        let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no flags of {name} in the page"));
        let (found, after) = rest.split_once(end).unwrap();
        let expected = tables(&command);
        match writes {
            true => page = [before, &begin, &expected, end, after].concat(),
            false => check_lines(name.as_str(), found, &expected),
        }
    }
    if writes {
        fs::write(&path, page).unwrap();
    }
}

#[test]
fn the_page_knows_no_flag_that_is_not_there() {
    let page = fs::read_to_string(page_path()).unwrap();
    let known: BTreeSet<_> = commands().iter().flat_map(|(_, command)| flags(command)).collect();
    for word in page.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.') {
        let Some(flag) = word
            .trim_end_matches('.')
            .strip_prefix("--")
            .filter(|flag| flag.starts_with(|c: char| c.is_ascii_lowercase()))
        else {
            continue;
        };
        assert!(known.contains(flag) || OTHERS_FLAGS.contains(&flag), "--{flag} is not a flag of silverback");
    }
}

/// `tests/it/pages.rs` also runs those in blocks.
#[test]
fn every_command_on_a_page_or_in_the_help_can_be_parsed() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let of_block = |block: pages::Block| block.commands.into_iter().map(move |it| (block.place.clone(), it.text));
    let mut lines: Vec<_> = pages::blocks(&root).into_iter().flat_map(of_block).collect();
    lines.extend(pages::spans(&root).into_iter().filter(|(_, code)| code.starts_with("silverback ") && !is_name(code)));
    lines.extend(commands().iter().flat_map(|(name, command)| examples(name, command)));
    let mut count = 0;
    for (place, line) in lines {
        for arguments in pages::calls(&line).iter().filter_map(arguments) {
            let values = arguments.iter().map(|word| with_value(word));
            let words = ["silverback".to_owned()].into_iter().chain(values).map(OsString::from);
            let parsed = Args::parse_from(words).and_then(|args| args.map_or(Ok(()), |args| check(&args)));
            assert!(parsed.is_ok(), "{place}: {line}: {parsed:?}");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} commands were found");
}

/// Returns the arguments of a command, or `None` if it does not run the program.
fn arguments(call: &Call) -> Option<&[String]> {
    let (program, rest) = call.words.split_first()?;
    if program.rsplit('/').next() == Some("silverback") {
        return Some(rest);
    }
    let is_ours = match rest.iter().position(|word| word == "-p") {
        Some(place) => rest.get(place + 1).is_some_and(|package| package == "silverback-cli"),
        None => true,
    };
    let is_run = program == "cargo" && rest.first().is_some_and(|word| word == "run") && is_ours;
    let first = rest.iter().position(|word| word == "--").map_or(rest.len(), |place| place + 1);
    is_run.then(|| &rest[first..])
}

/// Whether a span only names the program or a command of it.
fn is_name(code: &str) -> bool {
    code.chars().all(|c| c.is_ascii_lowercase() || c == ' ')
}

/// Replaces the words that stand for a value.
fn with_value(word: &str) -> String {
    match word {
        "URL" => "ws://localhost/".to_owned(),
        "ORIGIN" => "https://example.com".to_owned(),
        "SHELL" => "bash".to_owned(),
        _ => word.to_owned(),
    }
}

/// The commands in the help. Two spaces divide them from their description.
fn examples(name: &str, command: &Command) -> Vec<(String, String)> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = help.lines().filter_map(|line| line.strip_prefix("  ")?.split("  ").next()).map(str::to_owned);
    lines.filter(|line| line.contains("silverback")).map(|line| (format!("the help of {name}"), line)).collect()
}

#[test]
fn the_page_has_every_exit_code_and_no_other() {
    let page = fs::read_to_string(page_path()).unwrap();
    let (_, rest) = page.split_once("\n## Exit codes\n").unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let is_code =
        |line: &&str| line.strip_prefix("| ").is_some_and(|row| row.starts_with(|c: char| c.is_ascii_digit()));
    let rows = section.lines().filter(is_code);
    let expected: Vec<_> = EXIT_CODES.iter().map(|(code, when)| format!("| {code} | {when} |")).collect();
    assert_eq!(rows.collect::<Vec<_>>(), expected);
}

#[test]
fn every_error_has_an_exit_code_of_the_page() {
    let known = |code: u8| EXIT_CODES.iter().any(|(known, _)| *known == code);
    let mut error = Some(Error::System(String::new()));
    while let Some(this) = error {
        assert!(known(this.code()), "{this:?}");
        error = next(&this);
    }
}

/// All kinds in turn: the compiler asks for those that are new.
fn next(error: &Error) -> Option<Error> {
    let text = String::new();
    match error {
        Error::System(_) => Some(Error::Usage(text)),
        Error::Usage(_) => Some(Error::Network(text)),
        Error::Network(_) => Some(Error::Tls(text)),
        Error::Tls(_) => Some(Error::Refused(text)),
        Error::Refused(_) => Some(Error::Closed(text)),
        Error::Closed(_) => Some(Error::Protocol(text)),
        Error::Protocol(_) => Some(Error::Timeout(text)),
        Error::Timeout(_) => Some(Error::Condition(text)),
        Error::Condition(_) => Some(Error::Signal(129)),
        Error::Signal(129) => Some(Error::Signal(130)),
        Error::Signal(130) => Some(Error::Signal(143)),
        Error::Signal(_) => None,
    }
}

#[test]
fn help_names_the_exit_codes_on_lines_of_their_own() {
    for (name, command) in commands() {
        let Some(help) = command.get_after_help().filter(|_| name != "bench") else { continue };
        let help = help.to_string();
        assert!(help.lines().all(|line| line.len() <= 100), "of {name}: {help}");
        for code in [0, 1, 2, 129, 130, 143] {
            let start = format!("  {code:>3}  ");
            assert!(help.lines().any(|line| line.starts_with(&start)), "of {name} the help has no {code}: {help}");
        }
    }
}

/// Reads the sources, because variables without an option are read where they are needed.
#[test]
fn the_page_of_variables_has_every_variable_that_the_program_and_the_library_read() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/reference/environment.md")).unwrap();
    let mut names = BTreeSet::new();
    // The service and the hub have one for each option, and the page says so.
    for (name, command) in commands().iter().filter(|(name, _)| name != "the service" && name != "hub") {
        let variables = command.get_arguments().filter_map(|argument| argument.get_env());
        names.extend(variables.map(|variable| (variable.to_string_lossy().into_owned(), name.clone())));
    }
    for folder in ["silverback-cli/src", "silverback/src"] {
        read_variables(&root.join(folder), &mut names);
    }
    assert!(names.len() > 10, "{names:?}");
    let missing: Vec<_> = names.iter().filter(|(name, _)| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/reference/environment.md lacks {missing:?}");
}

/// Finds `var("NAME")` and `variable("NAME")` outside of tests.
fn read_variables(folder: &Path, names: &mut BTreeSet<(String, String)>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let shown = path.display().to_string();
        if path.is_dir() {
            read_variables(&path, names);
        } else if shown.ends_with(".rs") && !shown.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for call in ["var(\"", "var_os(\"", "variable(\"", "is_set(\"", "value_of(\""] {
                let found = text.split(call).skip(1).filter_map(|rest| rest.split('"').next());
                names.extend(found.map(|name| (name.to_owned(), shown.clone())));
            }
        }
    }
}

fn page_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md")
}

/// Each command with its name, the service first.
fn commands() -> Vec<(String, Command)> {
    let mut root = Args::command();
    root.build();
    let mut all = vec![("the service".to_owned(), root.clone())];
    let rest = root.get_subcommands().filter(|command| command.get_name() != "help" && !command.is_hide_set());
    all.extend(rest.map(|command| (command.get_name().to_owned(), command.clone())));
    all
}

/// The long names, with their aliases.
fn flags(command: &Command) -> Vec<String> {
    let names = |argument: &Arg| {
        let aliases = argument.get_visible_aliases().unwrap_or_default();
        argument.get_long().into_iter().chain(aliases).map(str::to_owned).collect::<Vec<_>>()
    };
    command.get_arguments().flat_map(names).collect()
}

/// A table for each heading of the help, in its order.
fn tables(command: &Command) -> String {
    let shown = |argument: &&Arg| !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str());
    let arguments: Vec<_> = command.get_arguments().filter(shown).collect();
    let mut headings: Vec<Option<&str>> = Vec::new();
    for argument in &arguments {
        if !headings.contains(&argument.get_help_heading()) {
            headings.push(argument.get_help_heading());
        }
    }
    headings.sort_by_key(Option::is_some);
    let mut text = String::new();
    for heading in headings {
        let of_it = arguments.iter().filter(|argument| argument.get_help_heading() == heading);
        let _ = writeln!(text, "\n| {} | value | default | what |\n|---|---|---|---|", heading.unwrap_or("option"));
        of_it.for_each(|argument| text.push_str(&row(argument)));
    }
    text.push('\n');
    text
}

fn row(argument: &Arg) -> String {
    let mut names: Vec<_> = argument.get_short().iter().map(|short| format!("`-{short}`")).collect();
    let aliases = argument.get_visible_aliases().unwrap_or_default();
    names.extend(argument.get_long().into_iter().chain(aliases).map(|long| format!("`--{long}`")));
    let value = match argument.get_action().takes_values() {
        true => argument.get_value_names().unwrap_or_default().join(" "),
        false => String::new(),
    };
    let value = match argument.get_num_args().is_some_and(|count| count.min_values() == 0) && !value.is_empty() {
        true => format!("[={value}]"),
        false => value,
    };
    if argument.is_positional() {
        names.push(format!("`{value}`"));
    }
    let default: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = match argument.get_action().takes_values() {
        true => default.join(","),
        false => String::new(),
    };
    let mut what = argument.get_help().map(ToString::to_string).unwrap_or_default();
    what.push('.');
    let choices: Vec<_> = argument.get_possible_values().iter().map(|it| format!("`{}`", it.get_name())).collect();
    if argument.get_action().takes_values() && (1..=MOST_CHOICES).contains(&choices.len()) {
        let _ = write!(what, " One of {}.", choices.join(", "));
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(what, " Variable `{}`.", variable.to_string_lossy());
    }
    let cell = |text: &str| if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) };
    format!("| {} | {} | {} | {} |\n", names.join(" "), cell(&value), cell(&default), what.replace('|', "\\|"))
}

#[track_caller]
fn check_lines(name: &str, found: &str, expected: &str) {
    for line in expected.lines() {
        assert!(found.lines().any(|there| there == line), "of {name} the page has not: {line}");
    }
    for line in found.lines() {
        assert!(expected.lines().any(|there| there == line), "of {name} the page still has: {line}");
    }
    assert_eq!(found, expected, "of {name}: the order");
}

/// Of cargo and curl, as the page names them.
const OTHERS_FLAGS: [&str; 7] = ["bin", "locked", "release", "help", "version", "package", "path"];
/// A longer list of choices does not help.
const MOST_CHOICES: usize = 8;
