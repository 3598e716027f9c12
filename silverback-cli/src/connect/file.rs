//! Files that `/file` and `/textfile` send: read aside, so that signals and pings are not kept waiting.

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

/// Begins to read. A file may not be larger than `most` bytes; the error is for the person who asked for it.
pub(super) fn start(path: PathBuf, is_text: bool, most: u64) -> Reading {
    spawn_blocking(move || read(&at_home(path), is_text, most))
}

/// Waits for the file, if there is one.
pub(super) async fn finish(reading: &mut Option<Reading>) -> Result<Message, String> {
    let Some(work) = reading else { return std::future::pending().await };
    let outcome = work.await;
    *reading = None;
    outcome.unwrap_or_else(|error| Err(format!("cannot read the file: {error}")))
}

fn read(path: &Path, is_text: bool, most: u64) -> Result<Message, String> {
    let shown = path.display();
    let cannot = |error: io::Error| format!("cannot read {shown}: {error}");
    let file = open(path).map_err(cannot)?;
    // Others may have no end.
    if !file.metadata().map_err(cannot)?.is_file() {
        return Err(format!("{shown} is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > most {
        return Err(format!("{shown} is larger than {most} bytes; --max-message-size allows more"));
    }
    match is_text {
        true => String::from_utf8(bytes).map(Message::text).map_err(|_| format!("{shown} is not UTF-8")),
        false => Ok(Message::binary(bytes)),
    }
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
fn at_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), env::var_os("HOME").filter(|home| !home.is_empty())) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path,
    }
}
