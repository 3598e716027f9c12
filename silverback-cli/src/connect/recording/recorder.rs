//! Writes a recording, in a thread of its own. The conversation waits for the file, so that nothing piles up.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use silverback::{CloseCode, Message};

use super::line::{self, Direction};
use crate::{
    connect::{
        output::{Output, Sink},
        view::{pieces::Pieces, recorded},
    },
    error::Error,
};

/// The file of `--record`, ready to be written.
#[derive(Debug)]
pub(crate) struct Target {
    path: PathBuf,
    file: File,
}

/// Writes events as they come.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    output: Output,
    /// Lines that have not gone to the thread yet: few, because no more events are taken meanwhile.
    pending: VecDeque<Pieces>,
}

impl Target {
    /// Creates the file, for its owner alone. What is in a file is not written over.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let cannot = |error: io::Error| Error::Usage(format!("--record cannot write {}: {error}", path.display()));
        let file = match options().create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => existing(path)?,
            created => created.map_err(cannot)?,
        };
        // Lines of two programs would be mixed. Not every file system has locks.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(Error::Usage(format!("--record: another program records to {}", path.display())));
        }
        Ok(Self { path: path.to_owned(), file })
    }
}

/// A file that is empty, as an attempt to connect may leave it, or one that is not regular, such as a FIFO.
fn existing(path: &Path) -> Result<File, Error> {
    let shown = path.display();
    let cannot = |error: io::Error| Error::Usage(format!("--record cannot write {shown}: {error}"));
    let file = options().open(path).map_err(|error| match is_unread(&error) {
        true => Error::Usage(format!("--record cannot write {shown}: nobody reads this FIFO yet")),
        false => cannot(error),
    })?;
    let found = file.metadata().map_err(cannot)?;
    if found.is_file() {
        if found.len() > 0 {
            return Err(Error::Usage(format!("--record does not write over {shown}, which is not empty")));
        }
        #[cfg(unix)]
        {
            use std::{fs::Permissions, os::unix::fs::PermissionsExt};
            file.set_permissions(Permissions::from_mode(PRIVATE)).map_err(cannot)?;
        }
    }
    #[cfg(unix)]
    rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::APPEND).map_err(|error| cannot(error.into()))?;
    Ok(file)
}

/// Whether a FIFO has no reader.
#[cfg(unix)]
fn is_unread(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
}

#[cfg(not(unix))]
fn is_unread(_: &io::Error) -> bool {
    false
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A FIFO without a reader would block.
        options.mode(PRIVATE).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    options
}

impl Recorder {
    pub(crate) fn start(Target { path, file }: Target) -> Result<Self, Error> {
        let output = Output::start(Sink::Plain(Box::new(file)))?;
        Ok(Self { path, output, pending: VecDeque::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn opened(&mut self, url: &str, subprotocol: Option<&str>) {
        self.pending.push_back(line::open(url, subprotocol, SystemTime::now()));
    }

    pub(crate) fn message(&mut self, direction: Direction, message: Message) {
        self.pending.push_back(recorded(message, direction.name(), SystemTime::now()));
    }

    pub(crate) fn closed(&mut self, direction: Direction, frame: Option<(CloseCode, &str)>) {
        // This code stands for a frame without one.
        let frame = frame.filter(|(code, _)| *code != CloseCode::NO_STATUS);
        self.pending.push_back(line::close(direction, frame, SystemTime::now()));
    }

    /// Whether there is something to write before more events may come.
    pub(crate) fn is_busy(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Hands on a piece, or waits until the file cannot be written.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(crate) async fn write_some(&mut self) -> io::Result<()> {
        let Some(len) = self.pending.front().and_then(Pieces::next_len) else {
            return Err(self.output.failed().await);
        };
        let queue = self.output.queue();
        tokio::select! {
            error = self.output.failed() => Err(error),
            Some(room) = queue.reserve(len) => {
                if let Some(pieces) = self.pending.front_mut() {
                    if let Some(piece) = pieces.next() {
                        room.send(piece);
                    }
                    if pieces.next_len().is_none() {
                        self.pending.pop_front();
                    }
                }
                Ok(())
            }
        }
    }

    /// Writes the rest.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        while self.is_busy() {
            self.write_some().await?;
        }
        self.output.finish().await
    }
}

/// The permissions of a recording: it may hold secrets.
#[cfg(unix)]
const PRIVATE: u32 = 0o600;
