//! What a thread that reads input hands on.

use silverback::Message;
use tokio::sync::mpsc;

use crate::error::Error;

/// What a reading thread has to say.
#[derive(Debug)]
pub(crate) enum Input {
    /// A message.
    Message(Message),
    /// A line that was typed: text or a command.
    Typed(String),
    /// Ctrl-C at the prompt.
    Interrupt,
    /// There is no more.
    End,
    /// It cannot be read, or is none.
    Failed(Error),
}

/// Inputs that wait to be sent: few, so that a pipe is not read faster than the network takes.
pub(crate) type Inputs = mpsc::Receiver<Input>;
