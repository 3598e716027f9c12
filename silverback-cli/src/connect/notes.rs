//! Notes beside the messages, on standard error or above the prompt.

use super::{output::NoteQueue, view::View};
use crate::{diagnostics, printable::printable_lines};

/// The amount of output besides messages and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loudness {
    Quiet,
    Normal,
    Verbose,
}

/// Shows notes, as far as the options allow.
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

    /// Shows a note only to a person at the prompt.
    pub(crate) fn at_prompt(&self, text: &str) {
        if self.prompt.is_some() {
            self.tell(Loudness::Normal, text);
        }
    }

    /// Shows the answer to a command, even with `--quiet`.
    pub(crate) fn answer(&self, text: &str) {
        self.tell(Loudness::Quiet, text);
    }

    /// Shown unless the user has asked for quiet.
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
        // The note may quote the server.
        let text = &printable_lines(text);
        match &self.prompt {
            Some((output, view)) => output.try_send(view.note(text)),
            None => diagnostics::write(text),
        }
    }
}
