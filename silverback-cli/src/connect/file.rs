//! Files as messages. Those of `/file` and `/textfile` are read in another thread, so that signals and pings do not wait.
//! Those of `--send @FILE` are read before there is a connection.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Read},
    path::{Path, PathBuf},
};

use silverback::Message;
use tokio::task::{JoinHandle, spawn_blocking};

/// A file that is being read.
pub(super) type Reading = JoinHandle<Result<Message, String>>;

/// The kind of the message that a file becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text; a file that is not UTF-8 is an error.
    Text,
    Binary,
    /// Text if the file is UTF-8.
    TextIfUtf8,
}

/// Begins to read. A file may not be larger than `most` bytes; the error is for the person who asked for it.
pub(super) fn start(path: PathBuf, kind: Kind, most: u64) -> Reading {
    spawn_blocking(move || read(path, kind, most))
}

/// Reads a file at once, with the limits of [`start`].
pub(super) fn read(path: PathBuf, kind: Kind, most: u64) -> Result<Message, String> {
    let path = at_home(path);
    read_to_end(open_regular(&path)?, &path.display().to_string(), kind, most)
}

/// Opens a regular file. Others may have no end.
pub(super) fn open_regular(path: &Path) -> Result<File, String> {
    let cannot = |error: io::Error| format!("cannot read {}: {error}", path.display());
    let file = open(path).map_err(cannot)?;
    match file.metadata().map_err(cannot)?.is_file() {
        true => Ok(file),
        false => Err(format!("{} is not a regular file", path.display())),
    }
}

/// Reads all of a stream, which `shown` names.
pub(super) fn read_to_end(from: impl Read, shown: &str, kind: Kind, most: u64) -> Result<Message, String> {
    let mut bytes = Vec::new();
    let read = from.take(most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot read {shown}: {error}"))?;
    if bytes.len() as u64 > most {
        return Err(format!("{shown} is larger than {most} bytes; --max-message-size allows more"));
    }
    match kind {
        Kind::Binary => Ok(Message::binary(bytes)),
        kind => String::from_utf8(bytes).map(Message::text).or_else(|error| match kind {
            Kind::Text => Err(format!("{shown} is not UTF-8")),
            _ => Ok(Message::binary(error.into_bytes())),
        }),
    }
}

/// Waits for the file, if there is one.
pub(super) async fn finish(reading: &mut Option<Reading>) -> Result<Message, String> {
    let Some(work) = reading else { return std::future::pending().await };
    let outcome = work.await;
    *reading = None;
    outcome.unwrap_or_else(|error| Err(format!("cannot read the file: {error}")))
}

/// Opens without blocking, which a FIFO without a writer would do.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    options.open(path)
}

/// `~/` as shells read it.
pub(super) fn at_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), env::var_os("HOME").filter(|home| !home.is_empty())) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path,
    }
}
