//! Events from a thread that reads input.

use silverback::{CloseCode, Message};
use tokio::sync::mpsc;

use crate::error::Error;

/// An event from a thread that reads input.
#[derive(Debug)]
pub(crate) enum Input {
    /// A message.
    Message(Message),
    /// A line that was typed: text or a command.
    Typed(String),
    /// Ctrl-C at the prompt.
    Interrupt,
    /// The connection is to be closed with this frame when the talk has ended in order.
    CloseWith(CloseCode, String),
    /// There is no more.
    End,
    /// It cannot be read, or is none.
    Failed(Error),
}

/// Inputs that wait to be sent: few, so that a pipe is not read faster than the network takes.
pub(crate) type Inputs = mpsc::Receiver<Input>;
