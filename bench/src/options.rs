//! The command line of every echo server.

use std::{net::SocketAddr, process::exit};

use crate::rounds::Rounds;

/// The options of a server. Each library uses those that it supports.
#[derive(Clone, Debug)]
pub struct Options {
    /// 0 means any free port.
    pub port: u16,
    /// Which API of the library the server uses.
    pub style: Style,
    /// Compression, as far as the library supports it.
    pub deflate: Option<Deflate>,
    /// A load that the server runs against itself before it ends. Without it, the server waits for clients.
    pub rounds: Option<Rounds>,
}

/// Which API of a library a server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The loop of the library's example.
    Plain,
    /// The fastest way according to its documentation and source.
    Best,
    /// Borrowed messages, if the library has them.
    Lending,
    /// Reading and writing halves.
    Split,
}

/// The compression options that differ from a library's own defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deflate {
    pub level: Option<u8>,
    pub memory_level: Option<u8>,
    pub window_bits: Option<u8>,
    pub no_context_takeover: bool,
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
}

impl Options {
    /// Parses the command line, or prints the usage and ends the program.
    pub fn parse() -> Self {
        match Self::from_words(std::env::args().skip(1)) {
            Ok(options) => options,
            Err(complaint) => {
                eprintln!("{complaint}\n\n{USAGE}");
                exit(2)
            }
        }
    }

    /// Runs the load of the command line, if there is one, and then ends the program.
    pub fn run_rounds(&self, server: SocketAddr) {
        if let Some(rounds) = self.rounds.clone() {
            tokio::spawn(async move {
                rounds.run(server).await;
                exit(0)
            });
        }
    }

    fn from_words(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { port: 0, style: Style::Plain, deflate: None, rounds: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--port" => options.port = number(&value()?)?,
                "--style" => options.style = style(&value()?)?,
                "--load" => options.rounds = Some(Rounds { load: value()?, count: number(&value()?)? }),
                "--deflate" => _ = options.deflating(),
                "--level" => options.deflating().level = Some(number(&value()?)?),
                "--memory-level" => options.deflating().memory_level = Some(number(&value()?)?),
                "--window-bits" => options.deflating().window_bits = Some(number(&value()?)?),
                "--no-context-takeover" => options.deflating().no_context_takeover = true,
                "--server-no-context-takeover" => options.deflating().server_no_context_takeover = true,
                "--client-no-context-takeover" => options.deflating().client_no_context_takeover = true,
                _ => return Err(format!("unknown option {word}")),
            }
        }
        Ok(options)
    }

    fn deflating(&mut self) -> &mut Deflate {
        self.deflate.get_or_insert_default()
    }
}

impl Deflate {
    /// Whether the server compresses each message separately.
    pub fn is_server_without_takeover(&self) -> bool {
        self.no_context_takeover || self.server_no_context_takeover
    }

    /// Whether the client compresses each message separately.
    pub fn is_client_without_takeover(&self) -> bool {
        self.no_context_takeover || self.client_no_context_takeover
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not a valid number"))
}

fn style(text: &str) -> Result<Style, String> {
    match text {
        "plain" => Ok(Style::Plain),
        "best" => Ok(Style::Best),
        "lending" => Ok(Style::Lending),
        "split" => Ok(Style::Split),
        _ => Err(format!("unknown style {text}")),
    }
}

/// The limit for all libraries, so that the largest measured message fits.
pub const MAX_MESSAGE_SIZE: usize = 16 * 1024 * 1024;

const USAGE: &str = "\
An echo server for measurements, on 127.0.0.1 with one thread.
  --port N                        0 takes any free port (default)
  --style plain|best|lending|split
  --load NAME ROUNDS              run handshake, small, batch, text, text-batch or large against itself, and end
  --deflate                       compression with the library's defaults; adjust it with
  --level N --memory-level N --window-bits N --no-context-takeover
  --server-no-context-takeover --client-no-context-takeover";
