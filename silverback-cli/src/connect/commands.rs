//! Lines typed at the prompt: messages, and commands, which begin with a slash.

use std::path::PathBuf;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

/// The meaning of a typed line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Text(String),
    Binary(Vec<u8>),
    File { path: PathBuf, is_text: bool },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close { code: u16, reason: String },
    Json,
    Stats,
    Help,
    Quit,
}

/// Reads a line; the error is for the person who typed it.
pub(crate) fn parse(line: &str) -> Result<Typed, String> {
    let Some(command) = line.strip_prefix('/') else { return Ok(Typed::Text(line.to_owned())) };
    if command.starts_with('/') {
        return Ok(Typed::Text(command.to_owned()));
    }
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    match name {
        "ping" => control(rest).map(Typed::Ping),
        "pong" => control(rest).map(Typed::Pong),
        "close" => close(rest),
        "bin" => bytes(rest).map(Typed::Binary),
        "file" => file(rest, false),
        "textfile" => file(rest, true),
        "json" => Ok(Typed::Json),
        "stats" => Ok(Typed::Stats),
        "help" | "?" => Ok(Typed::Help),
        "quit" | "exit" | "q" => Ok(Typed::Quit),
        _ => Err(format!("unknown command /{name}; /help lists them, and //{command} sends it as text")),
    }
}

fn control(text: &str) -> Result<Vec<u8>, String> {
    match text.len() {
        ..=125 => Ok(text.as_bytes().to_vec()),
        len => Err(format!("a ping or pong carries at most 125 bytes, not {len}")),
    }
}

fn close(rest: &str) -> Result<Typed, String> {
    let (code, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let code = match code {
        "" => 1000,
        code => code.parse().map_err(|_| "/close CODE REASON: the code is a number, like 1000 or 4001".to_owned())?,
    };
    Ok(Typed::Close { code, reason: reason.trim().to_owned() })
}

/// `hex:00ff`, with spaces if that reads better, or `base64:AP8=`.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let form = || "/bin needs hex:00ff or base64:AP8=".to_owned();
    if let Some(digits) = text.strip_prefix("hex:") {
        return hex(digits).ok_or_else(form);
    }
    let digits = text.strip_prefix("base64:").ok_or_else(form)?;
    BASE64.decode(digits.trim().as_bytes()).map_err(|_| form())
}

/// Pairs of hexadecimal digits, with white space between them or none.
pub(crate) fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits: String = digits.split_whitespace().collect();
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()
}

fn file(path: &str, is_text: bool) -> Result<Typed, String> {
    match path {
        "" => Err("/file needs the path of a file".to_owned()),
        path => Ok(Typed::File { path: path.into(), is_text }),
    }
}

/// A command, for those who type it.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// What may follow the name.
    pub(crate) usage: &'static str,
    pub(crate) argument: Argument,
}

/// The kind of what follows the name of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    None,
    Text,
    Bytes,
    File,
    CloseCode,
}

impl Command {
    /// What separates the name from an argument, if there is one.
    pub(crate) fn blank(&self) -> &'static str {
        if self.argument == Argument::None { "" } else { " " }
    }
}

/// The commands that Tab completes, in the order of the alphabet.
pub(crate) const COMMANDS: [Command; 10] = [
    Command { name: "bin", usage: "hex:00ff or base64:AP8=", argument: Argument::Bytes },
    Command { name: "close", usage: "[CODE [REASON]]", argument: Argument::CloseCode },
    Command { name: "file", usage: "PATH", argument: Argument::File },
    Command { name: "help", usage: "", argument: Argument::None },
    Command { name: "json", usage: "", argument: Argument::None },
    Command { name: "ping", usage: "[TEXT]", argument: Argument::Text },
    Command { name: "pong", usage: "[TEXT]", argument: Argument::Text },
    Command { name: "quit", usage: "", argument: Argument::None },
    Command { name: "stats", usage: "", argument: Argument::None },
    Command { name: "textfile", usage: "PATH", argument: Argument::File },
];

/// The text of `/help`.
pub(crate) const HELP: &str = "What can be typed:
  TEXT               send it; //TEXT sends what begins with a slash
  /bin hex:00ff      send bytes; also base64:AP8=
  /file PATH         send a file as a binary message; /textfile PATH as text
  /ping [TEXT]       send a ping and show how long the answer takes; /pong [TEXT]
  /close [CODE [REASON]]
  /json              lay JSON out, or show it as it came
  /stats             what was sent and received, and the round trip
  /help              this list; Tab completes commands, files and close codes
  /quit              close the connection and end (also Ctrl-D; Ctrl-C ends at once)";

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
