//! Words clap's errors in one line each.

use std::ffi::OsString;

use clap::{
    Arg, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    dialing::{
        shown::{shown_url, without_secrets},
        target::advice_on_scheme,
    },
    printable::printable,
};

/// Words an error in one line. `words` are the command line, with the program's name first. `program` is the command
/// that could not read them.
pub(super) fn explain(error: &clap::Error, words: &[OsString], program: &Command) -> String {
    if let Some(text) = wrong_value(error, words, program) {
        return text;
    }
    let text = missing_equals(error, words, program)
        .or_else(|| missing_command(error, words, program))
        .or_else(|| no_command(error))
        .or_else(|| of_another_command(error, program))
        .unwrap_or_else(|| in_short(error));
    format!("{text} (see {} --help)", command_of(words, program))
}

/// A value that clap rejects. If it comes from an environment variable, the error names the variable.
fn wrong_value(error: &clap::Error, words: &[OsString], program: &Command) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let (option, given) = (told(error, ContextKind::InvalidArg)?, told(error, ContextKind::InvalidValue)?);
    let option = option.split_whitespace().next().unwrap_or(&option);
    let name = variable(option, program).filter(|_| !is_given(option, words)).unwrap_or_else(|| option.to_owned());
    let given = without_secrets(&given);
    let (is_missing, given) = (given.is_empty(), printable(&given));
    Some(match (std::error::Error::source(error), told(error, ContextKind::ValidValue)) {
        (Some(reason), _) => format!("{name} `{given}`: {reason}"),
        (None, Some(choices)) if !is_missing => format!("{name} `{given}`: must be one of {choices}"),
        _ => format!("{name} needs a value (see {} --help)", command_of(words, program)),
    })
}

/// `--reconnect 5 URL`: clap reads the number as the URL, and then rejects the URL.
fn missing_equals(error: &clap::Error, words: &[OsString], program: &Command) -> Option<String> {
    let stray = told(error, ContextKind::InvalidArg)?;
    if error.kind() != ErrorKind::UnknownArgument || stray.starts_with('-') {
        return None;
    }
    let pairs = words.windows(2).filter_map(|pair| Some((pair[0].to_str()?, pair[1].to_str()?)));
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let (option, number) = pairs
        .into_iter()
        .find(|(option, next)| is_number(next) && argument(option, program).is_some_and(Arg::is_require_equals_set))?;
    Some(format!("{option} needs its value after a `=`: {option}={number}"))
}

/// `silverback hub config`: clap answers with the help, which begins with what the command is for.
fn missing_command(error: &clap::Error, words: &[OsString], program: &Command) -> Option<String> {
    if error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return None;
    }
    let mut command = program;
    let mut name = "silverback".to_owned();
    while let Some(next) = words.iter().find_map(|word| command.find_subcommand(word)) {
        name = format!("{name} {}", next.get_name());
        command = next;
    }
    let names: Vec<_> = command.get_subcommands().map(Command::get_name).filter(|name| *name != "help").collect();
    Some(format!("`{name}` needs a command: {}", names.join(" or ")))
}

/// `silverback --record FILE`: an option that only other commands have.
fn of_another_command(error: &clap::Error, program: &Command) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let stray = told(error, ContextKind::InvalidArg)?;
    let long = stray.strip_prefix("--")?;
    let has_it = |command: &&Command| command.get_arguments().any(|argument| argument.get_long() == Some(long));
    let service = Some(program).filter(has_it).map(|_| "`silverback`".to_owned());
    let others = program.get_subcommands().filter(has_it).map(|command| format!("`silverback {}`", command.get_name()));
    let owners: Vec<_> = service.into_iter().chain(others).collect();
    (!owners.is_empty()).then(|| format!("--{long} is an option of {}", owners.join(" and ")))
}

fn no_command(error: &clap::Error) -> Option<String> {
    let word = told(error, ContextKind::InvalidSubcommand)?;
    let shown = printable(&shown_url(&word));
    let similar = told(error, ContextKind::SuggestedSubcommand);
    // clap lists the most similar one last.
    Some(match similar.as_deref().and_then(|all| all.split(", ").last()) {
        _ if word.trim().is_empty() => "the command or URL is empty".to_owned(),
        _ if is_like_an_address(&word) => {
            let advice = advice_on_scheme(&word).unwrap_or_default();
            format!("`{shown}` is neither a command nor a URL that begins with ws:// or wss://{advice}")
        }
        Some(similar) => format!("unknown command `{shown}`; did you mean `{similar}`?"),
        None => format!("unknown command `{shown}`"),
    })
}

fn is_like_an_address(word: &str) -> bool {
    word == "localhost" || word.contains([':', '/', '.'])
}

fn in_short(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let line = paragraph.join(" ");
    // clap may quote another URL.
    let line = without_secrets(line.strip_prefix("error: ").unwrap_or(&line));
    match told(error, ContextKind::SuggestedArg) {
        Some(similar) => format!("{line}; did you mean '{similar}'?"),
        None => line,
    }
}

/// Returns a detail of the error.
fn told(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    }
}

/// The command whose options clap used.
fn command_of(words: &[OsString], program: &Command) -> String {
    let command = words.get(1).and_then(|word| program.find_subcommand(word));
    command.map_or_else(|| "silverback".to_owned(), |command| format!("silverback {}", command.get_name()))
}

/// The environment variable of an option.
fn variable(option: &str, program: &Command) -> Option<String> {
    Some(argument(option, program)?.get_env()?.to_string_lossy().into_owned())
}

/// Finds an option of any command.
fn argument<'a>(option: &str, program: &'a Command) -> Option<&'a Arg> {
    let long = option.strip_prefix("--")?;
    let is_meant = |argument: &&Arg| argument.get_long() == Some(long);
    program.get_arguments().chain(program.get_subcommands().flat_map(Command::get_arguments)).find(is_meant)
}

fn is_given(option: &str, words: &[OsString]) -> bool {
    words.iter().filter_map(|word| word.to_str()).any(|word| word.split('=').next() == Some(option))
}
