//! The plan of `bench`: checks the options and builds the load from them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use silverback::{Compression, MessageKind, dial::HttpVersion, proto::handshake::ClientRequest};

use super::output::charset::speaks_unicode;
use super::{
    args::Args,
    condition::Condition,
    engine::{
        broadcast::{LABEL, MAX_SENDERS},
        load::{Load, Pace, Target, Task, Until},
        script::{Filling, Script, Sizes},
    },
};
use crate::{
    dialing::{limit_each_step, shown::shown_url},
    error::Error,
    printable::printable,
};

/// The load, and how to report its outcome.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) load: Load,
    pub(crate) settings: Settings,
    pub(crate) fail_if: Vec<Condition>,
    pub(crate) prints_json: bool,
    pub(crate) report: Option<PathBuf>,
    pub(crate) is_ascii: bool,
    pub(crate) is_quiet: bool,
}

/// Settings of the load that the outputs show.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) sizes: Sizes,
    pub(crate) kind: MessageKind,
    pub(crate) filling: Filling,
    pub(crate) compresses: bool,
}

impl Plan {
    pub(crate) fn resolve(args: Args) -> Result<Self, Error> {
        if args.messages.is_some() && args.duration.is_some() && !args.hold {
            return Err(Error::Usage("--duration and --messages both end the load: give only one".to_owned()));
        }
        let settings = settings(&args)?;
        let task = task(&args)?;
        let connections = usize::try_from(args.connections)
            .ok()
            .filter(|count| *count <= MAX_CONNECTIONS)
            .ok_or_else(|| Error::Usage(format!("--connections must be at most {MAX_CONNECTIONS}")))?;
        let script = script(&settings, task)?;
        let raw = args.raw_tcp.then(|| Arc::new(script.frames()));
        let target = target(&args, script.largest())?;
        let until = match (args.messages, args.duration) {
            (Some(count), _) if !args.hold => Until::Done(count),
            (_, duration) => Until::Elapsed(duration.unwrap_or(DURATION)),
        };
        let warmup = match (args.warmup, until) {
            (Some(span), _) => span.0.unwrap_or_default(),
            (None, Until::Elapsed(_)) if !matches!(task, Task::Hold { .. }) => WARMUP,
            _ => Duration::ZERO,
        };
        let load = Load {
            target,
            task,
            connections,
            ramp: args.ramp,
            sources: args.source,
            script: Arc::new(script),
            until,
            warmup,
            threads: args.threads.get().min(connections),
            verifies: args.verify,
            timeout: args.timeout,
            raw,
            server: args.server_pid,
        };
        Ok(Self {
            load,
            settings,
            fail_if: args.fail_if,
            prints_json: args.json,
            report: args.report,
            is_ascii: args.ascii || !speaks_unicode(),
            is_quiet: args.quiet,
        })
    }
}

fn settings(args: &Args) -> Result<Settings, Error> {
    let kind = match (args.text, args.binary, args.payload) {
        (true, _, _) => MessageKind::Text,
        (_, true, _) | (_, _, None) => MessageKind::Binary,
        (_, _, Some(filling)) if filling.is_text() => MessageKind::Text,
        _ => MessageKind::Binary,
    };
    let filling = args.payload.unwrap_or(match kind {
        MessageKind::Text => Filling::Ascii,
        MessageKind::Binary => Filling::Random,
    });
    if kind == MessageKind::Text && !filling.is_text() {
        return Err(Error::Usage("--payload random is not text: use --binary".to_owned()));
    }
    Ok(Settings { sizes: args.size.clone(), kind, filling, compresses: args.compress })
}

fn task(args: &Args) -> Result<Task, Error> {
    let pace = match args.rate {
        Some(rate) => Pace::Open { rate },
        None => Pace::Closed { pipeline: args.pipeline },
    };
    if args.handshakes {
        return Ok(Task::Handshakes);
    }
    if args.hold {
        return Ok(Task::Hold { messages: args.messages.unwrap_or(0) });
    }
    let Some(senders) = args.broadcast else { return Ok(Task::Echo(pace)) };
    let most = args.connections.min(MAX_SENDERS as u64);
    match usize::try_from(senders) {
        Ok(count) if senders <= most => Ok(Task::Broadcast { senders: count, hears_itself: !args.not_to_sender, pace }),
        _ => Err(Error::Usage(format!("--broadcast must be at most {most}: every sender is one of the connections"))),
    }
}

fn script(settings: &Settings, task: Task) -> Result<Script, Error> {
    let is_broadcast = matches!(task, Task::Broadcast { .. });
    if is_broadcast && settings.sizes.smallest() < LABEL {
        return Err(Error::Usage(format!("--size must be at least {LABEL} with --broadcast: messages are numbered")));
    }
    // The label is sent in front of the script's message.
    let label = if is_broadcast { LABEL } else { 0 };
    let sizes = match &settings.sizes {
        Sizes::Listed(sizes) => Sizes::Listed(sizes.iter().map(|size| size - label).collect()),
        Sizes::Between(from, to) => Sizes::Between(from - label, to - label),
    };
    Ok(Script::new(&sizes, settings.kind, settings.filling))
}

fn target(args: &Args, largest: usize) -> Result<Target, Error> {
    let destination = args.dial.destination()?;
    let url = destination.url;
    let request = ClientRequest::parse(&url);
    let request = request.map_err(|error| Error::Usage(format!("{}: {error}", printable(&shown_url(&url)))))?;
    let is_direct = args.dial.is_direct(&request)?;
    if !is_direct && !args.source.is_empty() && args.dial.has_unix_socket() {
        return Err(Error::Usage("--source needs TCP: a Unix socket has no source address".to_owned()));
    }
    if args.streams.is_some() && args.dial.http_version() == HttpVersion::Http1 {
        return Err(Error::Usage("--streams needs --http2 or --http3: HTTP/1.1 shares nothing".to_owned()));
    }
    if args.raw_tcp && args.dial.http_version() != HttpVersion::Http1 {
        return Err(Error::Usage("--raw-tcp has no HTTP, so it does not take --http2 or --http3".to_owned()));
    }
    if args.dial.http3 && !args.source.is_empty() {
        return Err(Error::Usage("--source needs TCP: --http3 goes over UDP".to_owned()));
    }
    let opening = args.dial.connect_timeout.unwrap_or(args.timeout);
    let mut dialer = destination.dialer;
    if args.dial.connect_timeout.is_none() {
        dialer = limit_each_step(dialer, opening);
    }
    let dialer = dialer.compression(args.compress.then(Compression::default)).adjust_config(|config| {
        let room = (2 * largest).max(ROOM);
        config
            .max_message_size(room as u64)
            .max_frame_size(room as u64)
            .max_queued_output(room)
            // Send only the messages of the load.
            .ping_interval(None)
            .close_timeout(CLOSING)
    });
    Ok(Target {
        path: request.target().as_str().to_owned(),
        host: request.socket_host(),
        port: request.port(),
        given: args.dial.given_addresses(request.host(), request.port()),
        is_direct,
        is_plain: is_direct
            && !request.is_secure()
            && !args.dial.location
            && args.dial.http_version() == HttpVersion::Http1,
        version: args.dial.http_version(),
        streams: args.streams.unwrap_or(1).into(),
        opening,
        url,
        dialer,
    })
}

const DURATION: Duration = Duration::from_secs(10);
const WARMUP: Duration = Duration::from_secs(1);
const CLOSING: Duration = Duration::from_secs(1);

/// More than one machine has ports for.
const MAX_CONNECTIONS: usize = 10_000_000;

/// For messages that were not asked for, and for output that waits.
const ROOM: usize = 16 << 20;
