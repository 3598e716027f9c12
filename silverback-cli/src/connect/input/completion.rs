//! Completion of commands at the prompt by the Tab key, and hints about what may follow. Messages are left alone.
//!
//! The line editor could show a list itself, but it prints nothing above its line while it waits for the next key
//! (rustyline 17). So it gets one candidate at most, and a list goes the way of all notes.

use std::{collections::BTreeSet, fs, path::PathBuf};

use silverback::CloseCode;

use crate::{
    connect::{
        commands::{Argument, COMMANDS, Command},
        file::at_home,
    },
    printable::is_visible,
};

/// The effect of the Tab key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completion {
    /// The text before the cursor becomes this from `start` on.
    Replace {
        start: usize,
        text: String,
    },
    /// There are several ways to continue, to be shown.
    List(String),
    Nothing,
}

/// What may follow a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hint {
    /// Shown behind the cursor.
    pub(super) shown: String,
    /// The part of it that the right arrow takes over.
    pub(super) completes: Option<String>,
}

/// Completes the last word of a command that was typed as far as this.
pub(super) fn complete(typed: &str) -> Completion {
    match split(typed) {
        None => Completion::Nothing,
        Some((name, None)) => {
            let full = |command: &Command| format!("/{}{}", command.name, command.blank());
            choose(0, typed, commands(name).map(|command| (full(command), format!("/{}", command.name))).collect())
        }
        Some((name, Some(argument))) => {
            let start = typed.len() - argument.len();
            match commands(name).find(|command| command.name == name).map(|command| command.argument) {
                Some(Argument::File) => file(start, argument),
                Some(Argument::CloseCode) => {
                    let named = |code: CloseCode| (format!("{} ", code.get()), code.to_string());
                    choose(start, argument, close_codes(argument).map(named).collect())
                }
                Some(Argument::Bytes) => {
                    let forms = ["hex:", "base64:"].into_iter().filter(|form| form.starts_with(argument));
                    choose(start, argument, forms.map(|form| (form.to_owned(), form.to_owned())).collect())
                }
                Some(Argument::Text | Argument::None) | None => Completion::Nothing,
            }
        }
    }
}

/// Names what may follow a line that ends at the cursor.
pub(super) fn hint(line: &str) -> Option<Hint> {
    let (name, argument) = split(line)?;
    let Some(argument) = argument else {
        if name.is_empty() {
            return Some(Hint { shown: " Tab lists commands".to_owned(), completes: None });
        }
        let mut fitting = commands(name);
        let (command, others) = (fitting.next()?, fitting.next());
        // The name that is complete may begin another.
        let rest = command.name.strip_prefix(name).filter(|rest| rest.is_empty() || others.is_none())?;
        let completes = (!rest.is_empty()).then(|| format!("{rest}{}", command.blank()));
        return Some(Hint { shown: format!("{rest} {}", command.usage).trim_end().to_owned(), completes });
    };
    let command = commands(name).find(|command| command.name == name)?;
    let shown = match command.argument {
        _ if argument.is_empty() => command.usage.to_owned(),
        Argument::CloseCode => match argument.parse().map(CloseCode::new) {
            Ok(code) if code.is_sendable() => format!(" ({})", code.name()),
            Ok(CloseCode::NO_STATUS) => " (sends no code)".to_owned(),
            Ok(code) if code.get() >= 1000 => " (cannot be sent)".to_owned(),
            _ => return None,
        },
        _ => return None,
    };
    Some(Hint { shown, completes: None })
}

/// The name of a command, and its argument if a blank follows the name.
fn split(typed: &str) -> Option<(&str, Option<&str>)> {
    let command = typed.strip_prefix('/').filter(|command| !command.starts_with('/'))?;
    Some(match command.split_once(char::is_whitespace) {
        Some((name, argument)) => (name, Some(argument.trim_start())),
        None => (command, None),
    })
}

fn commands(start: &str) -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(move |command| command.name.starts_with(start))
}

/// The assigned codes that may be sent.
fn close_codes(start: &str) -> impl Iterator<Item = CloseCode> {
    let codes = (1000..1016).map(CloseCode::new).filter(|code| code.is_sendable());
    codes.filter(move |code| code.get().to_string().starts_with(start))
}

/// Continues `typed` as far as all candidates agree. Each has its text and its form in a list.
fn choose(start: usize, typed: &str, candidates: Vec<(String, String)>) -> Completion {
    let mut texts = candidates.iter().map(|(text, _)| text.as_str());
    let Some(first) = texts.next() else { return Completion::Nothing };
    let common = texts.fold(first, common_start);
    match candidates.len() {
        // They may agree in a part that was typed in another way.
        2.. if common.len() <= typed.len() => {
            Completion::List(list(candidates.iter().map(|(_, shown)| shown.as_str())))
        }
        _ => Completion::Replace { start, text: common.to_owned() },
    }
}

fn list<'a>(shown: impl ExactSizeIterator<Item = &'a str>) -> String {
    let left = shown.len().saturating_sub(MOST_LISTED);
    let mut words: Vec<_> = shown.take(MOST_LISTED).map(str::to_owned).collect();
    if left > 0 {
        words.push(format!("… {left} more"));
    }
    words.join("  ")
}

fn common_start<'a>(one: &'a str, other: &str) -> &'a str {
    let differs = one.char_indices().zip(other.chars()).find(|((_, one), other)| one != other);
    let end = differs.map_or(one.len().min(other.len()), |((at, _), _)| at);
    &one[..end]
}

/// Completes the path of a file to send. Names that a line cannot hold are left out.
fn file(start: usize, path: &str) -> Completion {
    if path == "~" {
        return Completion::Replace { start, text: "~/".to_owned() };
    }
    let (folder, name) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
    let place = if folder.is_empty() { PathBuf::from(".") } else { at_home(folder.into()) };
    let Ok(entries) = fs::read_dir(place) else { return Completion::Nothing };
    let mut names = BTreeSet::new();
    for (number, entry) in entries.enumerate() {
        if number == MOST_ENTRIES {
            return Completion::List(format!("more than {MOST_ENTRIES} files"));
        }
        let Ok(entry) = entry else { continue };
        let Ok(found) = entry.file_name().into_string() else { continue };
        let is_wanted = found.starts_with(name) && (!found.starts_with('.') || name.starts_with('.'));
        if !is_wanted || found.trim() != found || !found.chars().all(is_visible) {
            continue;
        }
        match fs::metadata(entry.path()) {
            Ok(target) if target.is_dir() => names.insert(found + "/"),
            Ok(target) if target.is_file() => names.insert(found),
            // No other kind is sent.
            _ => false,
        };
    }
    choose(start, path, names.into_iter().map(|name| (format!("{folder}{name}"), name)).collect())
}

/// A few lines of a terminal.
const MOST_LISTED: usize = 100;
/// A folder with more entries is not searched.
const MOST_ENTRIES: usize = 10_000;

#[cfg(test)]
#[path = "completion_tests.rs"]
mod tests;
