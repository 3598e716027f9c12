//! What is told besides messages: on standard error, or above the prompt where there is one.

use super::{output::NoteQueue, plan::Loudness, view::View};
use crate::{diagnostics, printable::printable_lines};

/// Tells what goes on to whoever wants to know.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    loudness: Loudness,
    prompt: Option<(NoteQueue, View)>,
}

impl Notes {
    /// On standard error.
    pub(crate) fn to_stderr(loudness: Loudness) -> Self {
        Self { loudness, prompt: None }
    }

    /// Through the thread that writes above the prompt.
    pub(crate) fn above_prompt(loudness: Loudness, output: NoteQueue, view: View) -> Self {
        Self { loudness, prompt: Some((output, view)) }
    }

    /// For a person at the prompt: nobody else needs to be told.
    pub(crate) fn at_prompt(&self, text: &str) {
        if self.prompt.is_some() {
            self.tell(Loudness::Normal, text);
        }
    }

    /// An answer to a command: what was asked for is told however quiet it is otherwise.
    pub(crate) fn answer(&self, text: &str) {
        self.tell(Loudness::Quiet, text);
    }

    /// For everybody who has not asked for quiet.
    pub(crate) fn normal(&self, text: &str) {
        self.tell(Loudness::Normal, text);
    }

    /// For those who want to know more.
    pub(crate) fn verbose(&self, text: &str) {
        self.tell(Loudness::Verbose, text);
    }

    fn tell(&self, needed: Loudness, text: &str) {
        if self.loudness < needed {
            return;
        }
        // It may quote what the server has sent.
        let text = &printable_lines(text);
        match &self.prompt {
            Some((output, view)) => output.try_send(view.note(text)),
            None => diagnostics::write(text),
        }
    }
}
