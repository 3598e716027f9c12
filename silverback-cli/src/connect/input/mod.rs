//! Input to send: typed lines, data from a pipe, or a recording. A thread reads each kind, and ends with the program.

mod completion;
pub(crate) mod editor;
pub(crate) mod event;
#[cfg(unix)]
mod foreground;
mod history;
#[cfg(unix)]
mod keys;
pub(crate) mod pipe;
#[cfg(unix)]
mod rewrap;

#[cfg(unix)]
use std::io::IsTerminal;
use std::thread;

use tokio::sync::mpsc;

use self::event::Inputs;
use self::{editor::LineEditor, pipe::Cutting};
use super::recording::replay::{Expected, Recording, Speed};
use crate::error::Error;

/// Starts reading standard input, cut into messages.
pub(crate) fn read_pipe(cutting: Cutting) -> Result<Inputs, Error> {
    #[cfg(unix)]
    if std::io::stdin().is_terminal() {
        let input = foreground::TerminalInput(std::io::stdin());
        return start(MOST_INPUTS, move |to| pipe::read(input, &cutting, |input| to.blocking_send(input).is_ok()));
    }
    start(MOST_INPUTS, move |to| pipe::read(std::io::stdin().lock(), &cutting, |input| to.blocking_send(input).is_ok()))
}

/// Starts reading lines at the prompt.
pub(crate) fn read_lines(editor: LineEditor) -> Result<Inputs, Error> {
    start(MOST_INPUTS, move |to| editor.read(|input| to.blocking_send(input).is_ok()))
}

/// Starts replaying a recording.
pub(crate) fn replay(recording: Recording, speed: Speed) -> Result<Inputs, Error> {
    start(MOST_INPUTS, move |to| recording.replay(speed, |input| to.blocking_send(input).is_ok()))
}

/// Starts reading the messages that a recording has received.
pub(crate) fn expect(recording: Recording) -> Result<Expectations, Error> {
    start(1, move |to| recording.expect(|next| to.blocking_send(next).is_ok()))
}

/// The messages to be expected, in their order.
pub(crate) type Expectations = mpsc::Receiver<Result<Expected, Error>>;

fn start<T: Send + 'static>(
    most: usize,
    work: impl FnOnce(mpsc::Sender<T>) + Send + 'static,
) -> Result<mpsc::Receiver<T>, Error> {
    let (to, inputs) = mpsc::channel(most);
    let started = thread::Builder::new().name("input".to_owned()).spawn(move || work(to));
    started.map_err(|error| Error::System(format!("cannot start a thread: {error}")))?;
    Ok(inputs)
}

const MOST_INPUTS: usize = 16;
