//! Prints a line on standard output for each message, from a separate thread, so that the echo never waits for a
//! terminal or a pipe. If lines come faster than the thread can write them, it drops some and prints their number.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use silverback::MessageRef;

use super::excerpt::Excerpt;
use crate::{error::Error, serving::sockets::Client};

/// A handle to the printing thread, or `None` if nothing is printed.
#[derive(Clone, Debug)]
pub(crate) struct Printer(Option<Arc<Lines>>);

#[derive(Debug)]
struct Lines {
    sender: SyncSender<Line>,
    left_out: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Line {
    client: Client,
    excerpt: Excerpt,
}

/// A handle to wait for the end of the printing thread.
#[derive(Debug)]
pub(crate) struct Printing {
    /// Sends the announcement, before which no message is printed.
    announce: SyncSender<String>,
    ended: Receiver<()>,
}

impl Printer {
    /// Starts the thread that writes to `out`: first the announcement, then a line for each message unless `is_quiet`.
    pub(crate) fn start(mut out: impl Write + Send + 'static, is_quiet: bool) -> Result<(Self, Printing), Error> {
        let (announce, announced) = sync_channel::<String>(1);
        let (sender, lines) = sync_channel(MOST_LINES);
        let (ending, ended) = sync_channel(0);
        let left_out = Arc::new(AtomicU64::new(0));
        let counter = left_out.clone();
        let work = move || {
            // A reader that has gone is not an error. The lines are dropped from now on.
            let first = announced.recv().unwrap_or_default();
            let _ = out.write_all(first.as_bytes()).and_then(|()| print_all(out, &lines, &counter));
            drop((lines, ending));
        };
        let started = thread::Builder::new().name("printer".to_owned()).spawn(work);
        started.map_err(|error| Error::System(format!("cannot start a thread: {error}")))?;
        // Without a printer the thread ends after the announcement.
        let lines = (!is_quiet).then(|| Arc::new(Lines { sender, left_out }));
        Ok((Self(lines), Printing { announce, ended }))
    }

    /// Prints nothing.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self(None)
    }

    /// Queues a line for a message of `client`.
    pub(crate) fn print(&self, client: Client, message: MessageRef<'_>) {
        let Some(lines) = &self.0 else { return };
        let line = Line { client, excerpt: Excerpt::of(message) };
        if let Err(TrySendError::Full(_)) = lines.sender.try_send(line) {
            lines.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Printing {
    /// Prints the announcement. To be called once.
    pub(crate) fn announce(&self, text: String) {
        let _ = self.announce.try_send(text);
    }

    /// Waits a short time for the last line, because the reader of standard output may be blocked. All printers are
    /// gone.
    pub(crate) fn finish(self) {
        drop(self.announce);
        // The thread sends nothing here. The channel closes when the thread ends.
        let _: Result<(), RecvTimeoutError> = self.ended.recv_timeout(LAST_LINES);
    }
}

fn print_all(mut out: impl Write, lines: &Receiver<Line>, left_out: &AtomicU64) -> io::Result<()> {
    let mut text = Vec::new();
    while let Ok(first) = lines.recv() {
        write_line(&mut text, &first)?;
        for line in lines.try_iter().take(MOST_LINES) {
            write_line(&mut text, &line)?;
        }
        match left_out.swap(0, Ordering::Relaxed) {
            0 => {}
            count => writeln!(text, "({count} more messages came faster than they could be printed)")?,
        }
        out.write_all(&text)?;
        out.flush()?;
        text.clear();
        // Waking this thread costs the echo a system call. Under load that happens at most a hundred times a second.
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn write_line(text: &mut Vec<u8>, line: &Line) -> io::Result<()> {
    writeln!(text, "{} sent: {}", line.client, line.excerpt)
}

/// The most lines in the queue.
const MOST_LINES: usize = 1024;
const PAUSE: Duration = Duration::from_millis(10);
const LAST_LINES: Duration = Duration::from_secs(1);

#[cfg(test)]
#[path = "printer_tests.rs"]
mod tests;
