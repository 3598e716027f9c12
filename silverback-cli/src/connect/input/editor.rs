//! The prompt: a line editor with history, and the terminal as it was before.

use std::{borrow::Cow, io::Write, path::PathBuf, sync::Arc};

use rustyline::{
    ColorMode, CompletionType, Config, Context, Editor, ExternalPrinter, Helper,
    completion::Completer,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::FileHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};

#[cfg(unix)]
use rustyline::highlight::CmdKind;

use super::{
    completion::{self, Completion},
    event::Input,
    history,
};
#[cfg(unix)]
use super::{keys::Keys, rewrap::Rewrap};
use crate::{
    connect::{
        notes::Notes,
        output::Drawn,
        view::{PROMPT, View},
    },
    error::Error,
};

/// Reads lines that are edited at a prompt.
pub(crate) struct LineEditor {
    editor: Editor<Prompt, FileHistory>,
    history: Option<PathBuf>,
    drawn: Arc<Drawn>,
}

/// The place of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Nowhere,
    AtHome,
    In(PathBuf),
}

impl LineEditor {
    pub(crate) fn new(view: &View, keep: &Keep) -> Result<Self, Error> {
        let config = Config::builder().history_ignore_space(true).color_mode(ColorMode::Forced);
        let config = config.completion_type(CompletionType::List).build();
        let mut editor = Editor::with_config(config).map_err(|error| unusable(&error))?;
        let drawn = Arc::<Drawn>::default();
        editor.set_helper(Some(Prompt {
            view: view.clone(),
            text: view.prompt(),
            drawn: drawn.clone(),
            notes: None,
            #[cfg(unix)]
            rewrap: Rewrap::default(),
        }));
        let history = match keep {
            Keep::Nowhere => None,
            Keep::AtHome => history::default_file(),
            Keep::In(path) => Some(path.clone()),
        };
        if let Some(path) = &history {
            // There may be none yet.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history, drawn })
    }

    /// Returns a printer that prints above the edited line, and a signal that it has done so.
    pub(crate) fn printer(&mut self) -> Result<(Box<dyn ExternalPrinter + Send>, Arc<Drawn>), Error> {
        let printer = self.editor.create_external_printer().map_err(|error| unusable(&error))?;
        Ok((Box::new(printer), self.drawn.clone()))
    }

    /// Lists go to these notes.
    pub(crate) fn list_to(&mut self, notes: Notes) {
        if let Some(prompt) = self.editor.helper_mut() {
            prompt.notes = Some(notes);
        }
    }

    pub(super) fn read(mut self, mut give: impl FnMut(Input) -> bool) {
        loop {
            self.drawn.note_line_begins();
            let line = self.editor.readline(PROMPT);
            let is_wanted = match line {
                Ok(line) if line.is_empty() => true,
                Ok(line) => {
                    self.keep(&line);
                    give(Input::Typed(line))
                }
                Err(error) => {
                    self.drawn.note_last_line();
                    give(match error {
                        ReadlineError::Eof => Input::End,
                        ReadlineError::Interrupted => Input::Interrupt,
                        error => Input::Failed(unusable(&error)),
                    });
                    false
                }
            };
            if !is_wanted {
                self.drawn.note_last_line();
                return;
            }
        }
    }

    /// At once, because the program may end while the next line is being typed.
    fn keep(&mut self, line: &str) {
        let is_new = self.editor.add_history_entry(line).unwrap_or(false);
        if let Some(path) = self.history.as_ref().filter(|_| is_new) {
            // The conversation continues even if the history cannot be saved.
            let _ = self.editor.append_history(path);
        }
    }
}

fn unusable(error: &ReadlineError) -> Error {
    Error::System(format!("cannot use the terminal: {error}"))
}

/// Colours the prompt, notes when it is drawn, keeps the output above it, and completes commands.
struct Prompt {
    view: View,
    /// The prompt as it looks, with colours.
    text: String,
    drawn: Arc<Drawn>,
    /// For lists of what can be typed.
    notes: Option<Notes>,
    #[cfg(unix)]
    rewrap: Rewrap,
}

impl Highlighter for Prompt {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        self.drawn.note_drawn();
        let text = if default { &self.text } else { prompt };
        #[cfg(unix)]
        if let Some(before) = self.rewrap.before_prompt() {
            return Cow::Owned(format!("{before}{text}"));
        }
        Cow::Borrowed(text)
    }

    #[cfg(unix)]
    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        self.rewrap.clear(line, cursor);
        Cow::Borrowed(line)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.view.dim(hint))
    }

    /// No character has a colour, but this is called at every change.
    #[cfg(unix)]
    fn highlight_char(&self, line: &str, cursor: usize, _kind: CmdKind) -> bool {
        self.rewrap.note_edit(line, cursor);
        false
    }
}

impl Completer for Prompt {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        match completion::complete(line.get(..pos).unwrap_or_default()) {
            Completion::Replace { start, text } => return Ok((start, vec![text])),
            Completion::List(text) => self.notes.iter().for_each(|notes| notes.answer(&text)),
            Completion::Nothing => {}
        }
        Ok((pos, Vec::new()))
    }
}

/// Hints are in another colour than the line: without colours they would look typed. They stay on the last row of the
/// line, so that it takes no more rows than [`Rewrap`] expects.
impl Hinter for Prompt {
    type Hint = completion::Hint;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<completion::Hint> {
        let hint = completion::hint(line).filter(|_| self.view.has_colours && pos == line.len())?;
        #[cfg(unix)]
        if hint.shown.len() > self.rewrap.room_after(line) {
            return None;
        }
        Some(hint)
    }
}

impl rustyline::hint::Hint for completion::Hint {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.completes.as_deref()
    }
}

/// Every line is valid. It is asked when a line has been finished, while the terminal is still the editor's.
impl Validator for Prompt {
    fn validate(&self, _line: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.drawn.note_line_ends();
        Ok(ValidationResult::Valid(None))
    }
}

impl Helper for Prompt {}

/// Changes made to the terminal. The program may end while the user types a line.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    #[cfg(unix)]
    keys: Option<Keys>,
}

impl Terminal {
    /// Makes it ready for the line editor. Returns whether it is: in the background, a signal may end the program first.
    pub(crate) fn take_keys(&mut self, drawn: &Arc<Drawn>) -> Result<bool, Error> {
        #[cfg(unix)]
        {
            self.keys = Keys::take(drawn.clone())
                .map_err(|error| Error::System(format!("cannot use the terminal: {error}")))?;
            Ok(self.keys.is_some())
        }
        #[cfg(not(unix))]
        Ok(true)
    }

    /// Restores the state from before the editor, and puts the cursor where the shell can show its prompt.
    pub(crate) fn restore(self, has_prompt: bool) {
        #[cfg(unix)]
        match &self.keys {
            Some(keys) if keys.is_in_foreground() => keys.restore(),
            // The line is the shell's.
            _ => return,
        }
        // Clear the line that was typed but not sent.
        let rest = if has_prompt { CLEAR } else { "" };
        let mut out = std::io::stdout().lock();
        let _ = write!(out, "{NO_BRACKETED_PASTE}{rest}").and_then(|()| out.flush());
    }
}

/// To the end of the screen.
const CLEAR: &str = "\r\x1b[J";
const NO_BRACKETED_PASTE: &str = "\x1b[?2004l";
