//! Commands on the pages of the project, as a reader would type them, and the output that the page shows.
//!
//! Blocks of `sh` have one command for each line. In blocks of `console`, commands follow a `$` and their output stands
//! below them. In units of systemd, commands follow `ExecStart=`.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A block of code with commands.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// The page, from the root of the project, and the line of the first fence.
    pub place: String,
    /// The HTML comment right above the block, without its arrows.
    pub comment: Option<String>,
    /// The text of the last block above it that has no commands, such as a file that the commands read.
    pub above: Option<String>,
    /// In the order of the page.
    pub commands: Vec<Command>,
}

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// The line of the shell.
    pub text: String,
    /// The lines that the page shows below it.
    pub output: Vec<String>,
}

/// A command of a pipeline, without the names of variables that are set before it.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// The program and its arguments, without quotes.
    pub words: Vec<String>,
}

/// Returns the blocks with commands of every page below the folder.
///
/// # Panics
/// If a page cannot be read.
pub fn blocks(root: &Path) -> Vec<Block> {
    texts(root).iter().flat_map(|(name, text)| blocks_in(name, text)).collect()
}

/// Returns the place and the text of every span of code, such as `a span`, of every page below the folder.
///
/// # Panics
/// If a page cannot be read.
pub fn spans(root: &Path) -> Vec<(String, String)> {
    texts(root).into_iter().flat_map(|(name, text)| spans_in(&name, &text)).collect()
}

/// Splits a line of the shell into the commands of its pipeline or list.
pub fn calls(line: &str) -> Vec<Call> {
    let mut calls = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut is_redirection = false;
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ' | '|' | ';' | '&' | '<' | '>') => {
                if let Some(word) = word.take().filter(|_| !std::mem::take(&mut is_redirection)) {
                    calls.last_mut().expect("never empty").push(word);
                }
                match c {
                    ' ' => {}
                    '<' | '>' => is_redirection = true,
                    _ => calls.push(Vec::new()),
                }
            }
            (None, '#') if word.is_none() => break,
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    let is_setting = |word: &String| word.split_once('=').is_some_and(|(name, _)| name.chars().all(is_of_variable));
    let without_settings = |words: Vec<String>| Call { words: words.into_iter().skip_while(is_setting).collect() };
    calls.into_iter().map(without_settings).filter(|call| !call.words.is_empty()).collect()
}

fn is_of_variable(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

fn blocks_in(name: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut comment, mut above) = (None, None);
    let mut open: Option<(&str, usize, Vec<&str>)> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        match (&mut open, trimmed.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info, index + 1, Vec::new())),
            (Some((info, number, lines)), Some("")) => {
                let commands = commands(info, lines);
                if commands.is_empty() {
                    above = Some(lines.join("\n"));
                } else {
                    let (place, above) = (format!("{name}:{number}"), above.clone());
                    blocks.push(Block { place, comment: comment.take(), above, commands });
                }
                open = None;
                comment = None;
            }
            (Some((_, _, lines)), _) => lines.push(line),
            (None, None) => {
                let words = trimmed.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                comment = words.map(str::to_owned);
            }
        }
    }
    blocks
}

fn commands(info: &str, lines: &[&str]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let command = |text: &str| Command { text: text.to_owned(), output: Vec::new() };
    for line in lines {
        match info {
            "sh" if !line.trim().is_empty() && !line.starts_with('#') => commands.push(command(line.trim())),
            "console" => match line.strip_prefix("$ ") {
                Some(text) => commands.push(command(text)),
                None => commands.last_mut().expect("output follows a command").output.push((*line).to_owned()),
            },
            "ini" => commands.extend(line.strip_prefix("ExecStart=").map(command)),
            _ => {}
        }
    }
    commands
}

/// Paragraphs are looked at alone, so that a lone backtick does no harm beyond its own.
fn spans_in(name: &str, text: &str) -> Vec<(String, String)> {
    let mut spans = Vec::new();
    let mut line = 1;
    let mut is_code = false;
    for paragraph in text.split("\n\n") {
        // A block may hold empty lines.
        if !is_code && !paragraph.contains("```") {
            let codes = paragraph.split('`').skip(1).step_by(2);
            let joined = codes.map(|code| code.split_whitespace().collect::<Vec<_>>().join(" "));
            spans.extend(joined.map(|code| (format!("{name}:{line}"), code)));
        }
        is_code ^= paragraph.matches("```").count() % 2 == 1;
        line += paragraph.matches('\n').count() + 2;
    }
    spans
}

/// Every page with its name from the root.
fn texts(root: &Path) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).expect("a folder of the project") {
            let entry = entry.expect("an entry of the folder");
            let (path, name) = (folder.join(entry.file_name()), entry.file_name());
            let name = name.to_string_lossy();
            if entry.path().is_dir() {
                let is_foreign = name.starts_with('.') || FOREIGN_FOLDERS.contains(&name.as_ref());
                folders.extend((!is_foreign).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(entry.path()).expect("a page is UTF-8");
                texts.push((path.display().to_string(), text));
            }
        }
    }
    texts.sort();
    texts
}

const FOREIGN_FOLDERS: &[&str] = &["target", "artifacts", "corpus", "node_modules"];

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
