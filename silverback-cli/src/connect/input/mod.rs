//! Input to send: typed lines, or data from a pipe. A thread reads each kind, and ends with the program.

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

use self::event::{Input, Inputs};
use self::{editor::LineEditor, pipe::Cutting};
use crate::error::Error;

/// Starts reading standard input, cut into messages.
pub(crate) fn read_pipe(cutting: Cutting) -> Result<Inputs, Error> {
    #[cfg(unix)]
    if std::io::stdin().is_terminal() {
        let input = foreground::TerminalInput(std::io::stdin());
        return start(move |to| pipe::read(input, &cutting, |input| to.blocking_send(input).is_ok()));
    }
    start(move |to| pipe::read(std::io::stdin().lock(), &cutting, |input| to.blocking_send(input).is_ok()))
}

/// Starts reading lines at the prompt.
pub(crate) fn read_lines(editor: LineEditor) -> Result<Inputs, Error> {
    start(move |to| editor.read(|input| to.blocking_send(input).is_ok()))
}

fn start(work: impl FnOnce(mpsc::Sender<Input>) + Send + 'static) -> Result<Inputs, Error> {
    let (to, inputs) = mpsc::channel(MOST_INPUTS);
    let started = thread::Builder::new().name("input".to_owned()).spawn(move || work(to));
    started.map_err(|error| Error::System(format!("cannot start a thread: {error}")))?;
    Ok(inputs)
}

const MOST_INPUTS: usize = 16;
