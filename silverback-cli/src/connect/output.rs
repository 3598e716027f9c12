//! Standard output, written by a separate thread: a reader that has stopped reading blocks neither signals nor pings.
//! On a terminal, output appears above the line that the user types.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use rustyline::ExternalPrinter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::error::Error;

/// The way to the thread that writes.
#[derive(Debug)]
pub(crate) struct Output {
    queue: Queue,
    /// `None` when its end is known.
    ended: Option<oneshot::Receiver<io::Result<()>>>,
}

/// The queue to the thread, bounded in bytes and in chunks.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    chunks: mpsc::Sender<Chunk>,
    room: Arc<Semaphore>,
}

/// Room for a chunk.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    slot: mpsc::Permit<'a, Chunk>,
    bytes: OwnedSemaphorePermit,
}

/// One write to standard output.
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    /// Given back when it has been written. Notes are short, and need none.
    _room: Option<OwnedSemaphorePermit>,
}

impl Queue {
    /// Waits for room for `len` bytes, or until the queue is empty if `len` is more than it can hold. `None` if the
    /// output accepts no more bytes.
    pub(crate) async fn reserve(&self, len: usize) -> Option<Room<'_>> {
        let len = u32::try_from(len.min(MOST_BYTES)).ok()?;
        let bytes = self.room.clone().acquire_many_owned(len).await.ok()?;
        Some(Room { slot: self.chunks.reserve().await.ok()?, bytes })
    }

    /// Returns a queue for notes. It drops notes if the output queue is full, and does not keep the thread alive.
    pub(crate) fn for_notes(&self) -> NoteQueue {
        NoteQueue(self.chunks.downgrade())
    }
}

impl Room<'_> {
    pub(crate) fn send(self, bytes: Vec<u8>) {
        self.slot.send(Chunk { bytes, _room: Some(self.bytes) });
    }
}

/// The queue of notes for the thread.
#[derive(Clone, Debug)]
pub(crate) struct NoteQueue(mpsc::WeakSender<Chunk>);

impl NoteQueue {
    /// Queues a note, or drops it if the queue is full.
    pub(crate) fn try_send(&self, note: String) {
        if let Some(chunks) = self.0.upgrade() {
            let _ = chunks.try_send(Chunk { bytes: note.into_bytes(), _room: None });
        }
    }
}

/// The destination of the output.
pub(crate) enum Sink {
    Plain(Box<dyn Write + Send>),
    /// A terminal with a prompt, and the signal that the prompt has been drawn again.
    Prompt(Box<dyn ExternalPrinter + Send>, Arc<Drawn>),
}

impl Output {
    /// Starts the thread.
    pub(crate) fn start(sink: Sink) -> Result<Self, Error> {
        let (chunks, waiting) = mpsc::channel(MOST_CHUNKS);
        let (end, ended) = oneshot::channel();
        let work = move || {
            let _ = end.send(write_all(sink, waiting));
        };
        let started = thread::Builder::new().name("output".to_owned()).spawn(work);
        started.map_err(|error| Error::System(format!("cannot start a thread: {error}")))?;
        let queue = Queue { chunks, room: Arc::new(Semaphore::new(MOST_BYTES)) };
        Ok(Self { queue, ended: Some(ended) })
    }

    /// Returns a handle for another writer.
    pub(crate) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Waits until nothing can be written any more.
    pub(crate) async fn failed(&mut self) -> io::Error {
        let Some(ended) = &mut self.ended else { return io::ErrorKind::BrokenPipe.into() };
        let result = ended.await;
        self.ended = None;
        match result {
            Ok(Err(error)) => error,
            _ => io::ErrorKind::BrokenPipe.into(),
        }
    }

    /// Waits until all of it has been written, and says whether it could be. Other senders are gone.
    pub(crate) async fn finish(self) -> io::Result<()> {
        drop(self.queue);
        match self.ended {
            Some(ended) => ended.await.unwrap_or(Ok(())),
            None => Ok(()),
        }
    }
}

fn write_all(mut sink: Sink, mut waiting: mpsc::Receiver<Chunk>) -> io::Result<()> {
    while let Some(Chunk { mut bytes, _room }) = waiting.blocking_recv() {
        // The room of all that is written together is given back when it has been written.
        let mut rooms = vec![_room];
        while bytes.len() < ENOUGH {
            let Ok(more) = waiting.try_recv() else { break };
            bytes.extend_from_slice(&more.bytes);
            rooms.push(more._room);
        }
        match &mut sink {
            Sink::Plain(out) => {
                out.write_all(&bytes)?;
                out.flush()?;
            }
            Sink::Prompt(printer, drawn) => {
                print_above(&mut **printer, drawn, &String::from_utf8_lossy(&bytes)).map_err(io::Error::other)?;
            }
        }
    }
    Ok(())
}

/// Returns when it is on the screen: the editor may only have been told of it.
fn print_above(printer: &mut dyn ExternalPrinter, drawn: &Drawn, text: &str) -> rustyline::Result<()> {
    // Between two prompts the thread writes directly, and could overtake output that the editor has not printed yet.
    let before = drawn.begin_printing();
    let printed = printer.print(text.to_owned());
    drawn.end_printing();
    let is_printed = match printed {
        Ok(()) => drawn.wait_for_redraw(before),
        // It ended before it took the text: the printer writes by itself now.
        Err(_) if drawn.has_ended() => false,
        Err(error) => return Err(error),
    };
    match is_printed {
        true => Ok(()),
        // The editor has ended, and taken it along.
        false => printer.print(text.to_owned()),
    }
}

/// The state of the prompt, between the thread that edits lines and those that print above them and hand keys on.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    state: Mutex<DrawnState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct DrawnState {
    /// Lines that were begun.
    lines: u64,
    stage: Stage,
    /// The number of times the editor has drawn the prompt again, which it does after printing above it.
    redraws: u64,
    is_printing: bool,
}

/// The number of redraws before a write, if the editor prints it.
type Before = Option<u64>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// No line is edited, and none has been.
    #[default]
    Before,
    /// A line has ended, or the next one is not on the screen yet.
    Between,
    /// The prompt is on the screen.
    Prompting,
    /// No more lines are edited.
    After,
}

impl DrawnState {
    fn is_beyond(&self, lines: u64) -> bool {
        self.stage == Stage::After || (self.lines > lines && self.stage == Stage::Prompting)
    }
}

impl Drawn {
    /// Waits for output that is written without the editor.
    pub(crate) fn note_line_begins(&self) {
        self.wait_while(LONGEST_PRINTING, |state| state.is_printing);
        self.change(|state| {
            state.stage = Stage::Between;
            state.lines += 1;
        });
    }

    pub(crate) fn note_drawn(&self) {
        self.change(|state| match state.stage {
            Stage::Prompting => state.redraws += 1,
            _ => state.stage = Stage::Prompting,
        });
    }

    /// Waits a limited time for pending output. The printer may be waiting for the editor, which is fine.
    pub(crate) fn note_line_ends(&self) {
        self.change(|state| state.stage = Stage::Between);
        self.wait_while(LONGEST_PRINTING, |state| state.is_printing);
    }

    pub(crate) fn note_last_line(&self) {
        self.change(|state| state.stage = Stage::After);
    }

    /// Waits until the editor, which was started, has drawn its prompt or has ended; says whether there is a prompt.
    pub(crate) fn settle(&self) -> bool {
        self.wait_while(LONGEST_DRAWING, |state| matches!(state.stage, Stage::Before | Stage::Between));
        let is_prompting = self.state.lock().is_ok_and(|state| state.stage == Stage::Prompting);
        if is_prompting {
            // It is noted before it is written.
            thread::sleep(WRITING);
        }
        is_prompting
    }

    /// How many lines have been begun.
    pub(crate) fn lines(&self) -> u64 {
        self.state.lock().map_or(0, |state| state.lines)
    }

    /// Whether another line can be typed in time.
    pub(crate) fn wait_for_line(&self, before: u64, within: Duration) -> bool {
        self.wait_while(within, |state| !state.is_beyond(before));
        self.state.lock().is_ok_and(|state| state.is_beyond(before))
    }

    fn begin_printing(&self) -> Before {
        let state = self.state.lock().ok()?;
        let mut state = self.changed.wait_while(state, |state| state.stage == Stage::Between).ok()?;
        state.is_printing = true;
        (state.stage == Stage::Prompting).then_some(state.redraws)
    }

    /// Waits until the output is on the screen. Returns false if it never will be.
    fn wait_for_redraw(&self, before: Before) -> bool {
        let Some(before) = before else { return true };
        let is_missing = |state: &DrawnState| state.redraws == before;
        self.wait_while(LONGEST_DRAWING, |state| is_missing(state) && state.stage != Stage::After);
        !self.state.lock().is_ok_and(|state| is_missing(&state) && state.stage == Stage::After)
    }

    /// Whether no more lines are edited.
    fn has_ended(&self) -> bool {
        self.state.lock().is_ok_and(|state| state.stage == Stage::After)
    }

    fn end_printing(&self) {
        self.change(|state| state.is_printing = false);
    }

    fn wait_while(&self, within: Duration, is_so: impl Fn(&DrawnState) -> bool) {
        if let Ok(state) = self.state.lock() {
            let _ = self.changed.wait_timeout_while(state, within, |state| is_so(state));
        }
    }

    fn change(&self, change: impl FnOnce(&mut DrawnState)) {
        if let Ok(mut state) = self.state.lock() {
            change(&mut state);
        }
        self.changed.notify_all();
    }
}

/// Enough small messages that a burst of them wakes the thread once.
const MOST_CHUNKS: usize = 16;
/// A reader that has stopped reading makes us hold this much, and a chunk.
const MOST_BYTES: usize = 1024 * 1024;
/// The size of one write, in bytes.
const ENOUGH: usize = 64 * 1024;
/// Longer than handing a chunk to the editor takes.
const LONGEST_PRINTING: Duration = Duration::from_millis(50);
/// Longer than the editor takes to print that, unless it reads a paste.
const LONGEST_DRAWING: Duration = Duration::from_millis(500);
/// For the few bytes of a prompt.
const WRITING: Duration = Duration::from_millis(5);

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
