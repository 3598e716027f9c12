//! Standard output, written by a thread of its own: a reader that has stopped reading stops neither signals nor pings.
//! On a terminal what is written appears above the line that is being typed.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use rustyline::ExternalPrinter;
use tokio::sync::{mpsc, oneshot};

use crate::trouble::Trouble;

/// The way to the thread that writes.
#[derive(Debug)]
pub(crate) struct Output {
    chunks: mpsc::Sender<Vec<u8>>,
    ended: oneshot::Receiver<io::Result<()>>,
}

/// Where it is written to.
pub(crate) enum Sink {
    Plain(io::Stdout),
    /// A terminal with a prompt, and what tells when the prompt has been drawn again.
    Prompt(Box<dyn ExternalPrinter + Send>, Arc<Drawn>),
}

impl Output {
    /// Starts the thread.
    pub(crate) fn start(sink: Sink) -> Result<Self, Trouble> {
        let (chunks, queue) = mpsc::channel(MOST_CHUNKS);
        let (end, ended) = oneshot::channel();
        let work = move || {
            let _ = end.send(write_all(sink, queue));
        };
        let started = thread::Builder::new().name("output".to_owned()).spawn(work);
        started.map_err(|error| Trouble::System(format!("cannot start a thread: {error}")))?;
        Ok(Self { chunks, ended })
    }

    /// A handle for whoever writes too.
    pub(crate) fn sender(&self) -> mpsc::Sender<Vec<u8>> {
        self.chunks.clone()
    }

    /// Waits until nothing can be written any more.
    pub(crate) async fn failed(&mut self) -> io::Error {
        match (&mut self.ended).await {
            Ok(Err(error)) => error,
            _ => io::ErrorKind::BrokenPipe.into(),
        }
    }

    /// Waits until all of it has been written. Other senders are gone.
    pub(crate) async fn finish(self) {
        drop(self.chunks);
        let _ = self.ended.await;
    }
}

fn write_all(mut sink: Sink, mut queue: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(mut chunk) = queue.blocking_recv() {
        while chunk.len() < ENOUGH {
            let Ok(more) = queue.try_recv() else { break };
            chunk.extend_from_slice(&more);
        }
        match &mut sink {
            Sink::Plain(out) => {
                out.write_all(&chunk)?;
                out.flush()?;
            }
            Sink::Prompt(printer, drawn) => {
                let before = drawn.count();
                printer.print(String::from_utf8_lossy(&chunk).into_owned()).map_err(io::Error::other)?;
                // Otherwise the next chunk could be written directly and overtake this one, if a line is finished now.
                drawn.wait_for_more_than(before);
            }
        }
    }
    Ok(())
}

/// How often the prompt has been drawn, and whether there is one.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    state: Mutex<DrawnState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct DrawnState {
    count: u64,
    /// Prompts that were begun.
    lines: u64,
    is_prompting: bool,
}

impl Drawn {
    pub(crate) fn note_drawn(&self) {
        self.change(|state| state.count += 1);
    }

    pub(crate) fn set_prompting(&self, is_prompting: bool) {
        self.change(|state| {
            state.is_prompting = is_prompting;
            state.lines += u64::from(is_prompting);
        });
    }

    pub(crate) fn is_prompting(&self) -> bool {
        self.state.lock().is_ok_and(|state| state.is_prompting)
    }

    /// How many lines have been begun.
    pub(crate) fn lines(&self) -> u64 {
        self.state.lock().map_or(0, |state| state.lines)
    }

    /// Whether another line is begun in time.
    pub(crate) fn wait_for_line(&self, before: u64, within: Duration) -> bool {
        let Ok(state) = self.state.lock() else { return true };
        let waited = self.changed.wait_timeout_while(state, within, |state| state.lines <= before);
        waited.is_ok_and(|(state, _)| state.lines > before)
    }

    fn change(&self, change: impl FnOnce(&mut DrawnState)) {
        if let Ok(mut state) = self.state.lock() {
            change(&mut state);
        }
        self.changed.notify_all();
    }

    fn count(&self) -> u64 {
        self.state.lock().map_or(0, |state| state.count)
    }

    fn wait_for_more_than(&self, count: u64) {
        let Ok(state) = self.state.lock() else { return };
        let is_due = |state: &mut DrawnState| state.is_prompting && state.count <= count;
        let _ = self.changed.wait_timeout_while(state, LONGEST_DRAWING, is_due);
    }
}

/// Messages may be large.
const MOST_CHUNKS: usize = 16;
/// What is written at once, in bytes.
const ENOUGH: usize = 64 * 1024;
/// A line editor that does not draw is not there any more.
const LONGEST_DRAWING: Duration = Duration::from_millis(500);
