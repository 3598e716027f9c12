//! The plan of `connect`: checks that the options fit together, reads files, and inspects the terminal.

use std::{
    env,
    io::{self, IsTerminal},
};

use silverback::Message;

use super::{
    args::{Args, Format},
    file::{self, Kind},
    input::{editor::Keep, pipe::Cutting},
    notes::Loudness,
    recording::{
        recorder::Target,
        replay::{Recording, Speed},
    },
    view::View,
    waiting::Rule,
};
use crate::{dialing::Destination, error::Error};

/// All that is needed to connect and talk.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) destination: Destination,
    pub(crate) view: View,
    pub(crate) source: Source,
    /// The file to record to.
    pub(crate) record: Option<Target>,
    /// The way to send typed lines.
    pub(crate) lines_are_binary: bool,
    /// Messages to send first on each connection.
    pub(crate) greetings: Vec<Message>,
    /// In bytes: what may come, and a file that is sent.
    pub(crate) largest_message: u64,
    pub(crate) rule: Rule,
    pub(crate) most_reconnects: u32,
    pub(crate) loudness: Loudness,
}

/// The source of messages to send.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Prompt(Keep),
    Pipe(Cutting),
    Replay(Replay),
}

/// A recording to replay.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    pub(crate) recording: Recording,
    pub(crate) speed: Speed,
    /// Whether the received messages must be those of the recording.
    pub(crate) expects: bool,
}

impl Plan {
    pub(crate) fn resolve(args: Args) -> Result<Self, Error> {
        let mut destination = args.dial.destination()?;
        let loudness = match (args.quiet, args.verbose) {
            (true, _) => Loudness::Quiet,
            (_, true) => Loudness::Verbose,
            _ => Loudness::Normal,
        };
        destination.dialer = destination.dialer.compression(args.offer.compression()).adjust_config(|config| {
            config
                .max_message_size(args.max_message_size)
                .ping_interval(args.ping_interval.0)
                .ping_timeout(args.ping_timeout)
                .close_timeout(args.close_timeout)
        });
        let source = source(&args)?;
        let on_terminal = io::stdout().is_terminal();
        let view = View {
            format: args.format,
            on_terminal,
            has_prompt: matches!(source, Source::Prompt(_)),
            has_colours: args.color.has_come(on_terminal),
            has_timestamps: args.timestamps,
            lays_out_json: true,
        };
        let expected = match &source {
            Source::Replay(Replay { recording, expects: true, .. }) => Some(recording.received),
            _ => None,
        };
        let greetings = greetings(&args)?;
        // At the end, so that no other fault leaves an empty file.
        let record = args.record.as_deref().map(Target::create).transpose()?;
        Ok(Self {
            destination,
            view,
            source,
            record,
            lines_are_binary: args.binary,
            greetings,
            largest_message: args.max_message_size,
            rule: Rule { wait: args.wait, count: args.count, until: args.until, expected },
            most_reconnects: args.reconnect.unwrap_or(0),
            loudness,
        })
    }

    pub(crate) fn is_interactive(&self) -> bool {
        matches!(self.source, Source::Prompt(_))
    }
}

/// The messages of `--send`, in their order.
fn greetings(args: &Args) -> Result<Vec<Message>, Error> {
    if args.send.iter().filter(|value| *value == "@-").count() > 1 {
        return Err(Error::Usage("--send @- can be given only once".to_owned()));
    }
    args.send.iter().map(|value| greeting(value, args).map_err(Error::Usage)).collect()
}

/// `TEXT`, `@FILE`, `@-` for standard input, or `@@TEXT` for a text that begins with an at sign.
fn greeting(value: &str, args: &Args) -> Result<Message, String> {
    let Some(name) = value.strip_prefix('@') else { return Ok(Message::text(value.to_owned())) };
    let kind = if args.binary { Kind::Binary } else { Kind::TextIfUtf8 };
    match name {
        "" => Err("--send @ needs the name of a file; @@ sends an at sign".to_owned()),
        "-" if io::stdin().is_terminal() => Err("--send @- reads standard input, which is a terminal".to_owned()),
        "-" => file::read_to_end(io::stdin().lock(), "standard input", kind, args.max_message_size)
            .map_err(|reason| format!("--send @-: {reason}")),
        text if text.starts_with('@') => Ok(Message::text(text.to_owned())),
        path => file::read(path.into(), kind, args.max_message_size)
            .map_err(|reason| format!("--send: {reason}; @{value} sends it as text")),
    }
}

fn source(args: &Args) -> Result<Source, Error> {
    if args.chunk.is_some() && args.format != Format::Raw {
        return Err(Error::Usage("--chunk needs --format raw".to_owned()));
    }
    if let Some(path) = &args.replay {
        let recording = Recording::validate(path, args.max_message_size)?;
        return Ok(Source::Replay(Replay { recording, speed: args.speed, expects: args.expect }));
    }
    let can_edit = env::var_os("TERM").is_none_or(|term| !SIMPLE_TERMINALS.iter().any(|simple| term == *simple));
    if io::stdin().is_terminal() && io::stdout().is_terminal() && can_edit {
        return Ok(Source::Prompt(match (&args.history, args.no_history) {
            (_, true) => Keep::Nowhere,
            (Some(path), _) => Keep::In(path.clone()),
            (None, _) => Keep::AtHome,
        }));
    }
    Ok(Source::Pipe(match (args.format, args.chunk) {
        (Format::Raw, Some(size)) => Cutting::Chunks(usize::try_from(size).unwrap_or(usize::MAX)),
        (Format::Raw, None) => Cutting::Whole,
        (Format::Hex, _) => Cutting::Hex,
        (Format::Text | Format::Json, _) => Cutting::Lines { are_binary: args.binary },
    }))
}

/// Terminals that cannot edit lines. They are read and written as pipes are.
const SIMPLE_TERMINALS: [&str; 3] = ["dumb", "cons25", "emacs"];
