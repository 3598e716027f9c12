//! Connects, and again if that is wanted, and has everything that outlives a connection.

use std::{collections::VecDeque, io, path::PathBuf, sync::Arc, time::Duration};

use silverback::{CloseCode, Conn, Message, Reconnect};
use tokio::time::timeout;

use super::{
    ending::{End, Undone},
    input::{
        self,
        editor::{LineEditor, Terminal},
        event::{Input, Inputs},
    },
    notes::Notes,
    output::{Drawn, Output, Sink},
    plan::{Plan, Replay, Source},
    recording::{recorder::Recorder, replay::Expected},
    waiting::Waiting,
};
use crate::{
    dialing::{Destination, shown::shown_url, steps::describe},
    error::Error,
    printable::printable,
    signals::Signals,
    standard_output,
};

/// All that connections have in common.
pub(crate) struct Client {
    pub(super) plan: Plan,
    pub(super) notes: Notes,
    pub(super) output: Output,
    pub(super) signals: Signals,
    pub(super) waiting: Waiting,
    /// `None` until there is a first connection.
    pub(super) inputs: Option<Inputs>,
    pub(super) input_has_ended: bool,
    /// Messages that were read from the input but not accepted by a connection yet.
    pub(super) backlog: VecDeque<Message>,
    /// How many messages were read from the input.
    pub(super) messages_read: u64,
    pub(super) recorder: Option<Recorder>,
    /// The messages that should arrive, with `--expect`.
    pub(super) expectations: Option<input::Expectations>,
    /// The Close frame of a recording that is replayed.
    pub(super) farewell: Option<(CloseCode, String)>,
    prompt: Option<PromptParts>,
}

struct PromptParts {
    /// Until it reads lines.
    editor: Option<LineEditor>,
    drawn: Arc<Drawn>,
    terminal: Terminal,
}

impl Client {
    pub(crate) fn start(mut plan: Plan, signals: Signals) -> Result<Self, Error> {
        signals.end_in_order(PATIENCE);
        let (sink, prompt) = match &plan.source {
            Source::Prompt(keep) => {
                let mut editor = LineEditor::new(&plan.view, keep)?;
                let (printer, drawn) = editor.printer()?;
                (
                    Sink::Prompt(printer, drawn.clone()),
                    Some(PromptParts { editor: Some(editor), drawn, terminal: Terminal::default() }),
                )
            }
            Source::Pipe(_) | Source::Replay(_) => (Sink::Plain(Box::new(standard_output::unbuffered())), None),
        };
        let output = Output::start(sink)?;
        let notes = match plan.is_interactive() {
            true => Notes::above_prompt(plan.loudness, output.queue().for_notes(), plan.view.clone()),
            false => Notes::to_stderr(plan.loudness),
        };
        let observer = notes.clone();
        plan.destination.dialer = plan.destination.dialer.observer(move |event| observer.verbose(&describe(event)));
        let waiting = Waiting::new(plan.rule.clone());
        let recorder = plan.record.take().map(Recorder::start).transpose()?;
        Ok(Self {
            plan,
            notes,
            output,
            signals,
            waiting,
            inputs: None,
            input_has_ended: false,
            backlog: VecDeque::new(),
            messages_read: 0,
            recorder,
            expectations: None,
            farewell: None,
            prompt,
        })
    }

    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let end = self.connect_and_talk().await;
        let undone = Undone { missing: self.waiting.missing(), unsent: self.unsent() };
        let is_hurried = matches!(end, End::Signal(_) | End::Output(_));
        let is_asked = matches!(end, End::Asked(_));
        let words = end.words();
        let outcome = end.outcome(undone.clone());
        // Errors are reported on standard error.
        if let (Ok(()), Some(words)) = (&outcome, &words) {
            match self.plan.is_interactive() {
                true if is_asked => self.notes.answer(words),
                true => self.notes.at_prompt(words),
                false => self.notes.verbose(words),
            }
        }
        let (written, recorded) = self.leave(is_hurried).await;
        let outcome = match recorded {
            Err((path, error)) => outcome.and(End::Recording { path, error }.outcome(undone.clone())),
            Ok(()) => outcome,
        };
        match written {
            Err(error) => outcome.and(End::Output(error).outcome(undone)),
            Ok(()) => outcome,
        }
    }

    /// How many messages were to be sent and were not. Nobody knows how many more a pipe would have had.
    fn unsent(&self) -> usize {
        let unread = match &self.plan.source {
            Source::Replay(replay) => replay.recording.sent.saturating_sub(self.messages_read),
            Source::Prompt(_) | Source::Pipe(_) => 0,
        };
        self.backlog.len().saturating_add(usize::try_from(unread).unwrap_or(usize::MAX))
    }

    async fn connect_and_talk(&mut self) -> End {
        let conn = self.reconnect().start();
        self.talk(conn).await
    }

    /// Messages of `--send` are sent first on each connection.
    fn reconnect(&self) -> Reconnect {
        let Destination { dialer, url, .. } = self.plan.destination.clone();
        let greetings = Arc::new(self.plan.greetings.clone());
        Reconnect::new(dialer, url).max_retries(self.plan.most_reconnects).on_connect(move |mut conn, _| {
            let greetings = greetings.clone();
            async move {
                for message in greetings.iter() {
                    conn.write_message(message.clone()).await?;
                }
                Ok::<_, silverback::Error>(conn)
            }
        })
    }

    pub(super) fn welcome(&self, conn: &Conn) -> String {
        let mut text = format!("Connected to {}", printable(&shown_url(&self.plan.destination.url)));
        if let Some(subprotocol) = conn.subprotocol() {
            text.push_str(&format!(", subprotocol {subprotocol}"));
        }
        if conn.compression().is_some() {
            text.push_str(", compressed");
        }
        text + ". /help lists commands, Ctrl-D ends."
    }

    /// The prompt comes after the first connection; a pipe is not touched before either.
    pub(super) fn start_reading(&mut self) -> Result<(), Error> {
        if self.inputs.is_none() {
            self.inputs = Some(match (&self.plan.source, &mut self.prompt) {
                (Source::Pipe(cutting), _) => input::read_pipe(cutting.clone())?,
                (Source::Replay(Replay { recording, speed, expects }), _) => {
                    if *expects {
                        self.expectations = Some(input::expect(recording.clone())?);
                    }
                    input::replay(recording.clone(), *speed)?
                }
                (Source::Prompt(_), Some(PromptParts { editor, terminal, drawn })) => match editor.take() {
                    Some(mut editor) if terminal.take_keys(drawn)? => {
                        editor.list_to(self.notes.clone());
                        input::read_lines(editor)?
                    }
                    _ => return Ok(()),
                },
                (Source::Prompt(_), None) => return Ok(()),
            });
        }
        Ok(())
    }

    /// Writes the remaining output and the rest of the recording, and restores the terminal.
    async fn leave(self, is_hurried: bool) -> (io::Result<()>, Result<(), (PathBuf, io::Error)>) {
        // From now on the first signal ends the program at once.
        drop(self.signals);
        let most = if is_hurried { HURRY } else { Duration::MAX };
        let written = timeout(most, self.output.finish()).await.unwrap_or(Ok(()));
        let recorded = match self.recorder {
            Some(recorder) => {
                let path = recorder.path().to_owned();
                let recorded = timeout(most, recorder.finish()).await.unwrap_or(Ok(()));
                recorded.map_err(|error| (path, error))
            }
            None => Ok(()),
        };
        if let Some(PromptParts { editor: None, drawn, terminal }) = self.prompt {
            terminal.restore(drawn.settle());
        }
        (written, recorded)
    }
}

/// The next message to be expected; `None` after the last one.
pub(super) async fn next_expected(expectations: &mut Option<input::Expectations>) -> Option<Result<Expected, Error>> {
    expectations.as_mut()?.recv().await
}

/// Writes a part of the recording; returns how it fails. It never ends without a recording.
pub(super) async fn record_some(recorder: &mut Option<Recorder>) -> io::Result<()> {
    match recorder {
        Some(recorder) => recorder.write_some().await,
        None => std::future::pending().await,
    }
}

/// The next input; never, while none is read.
pub(super) async fn next_input(inputs: &mut Option<Inputs>) -> Input {
    match inputs {
        Some(inputs) => inputs.recv().await.unwrap_or(Input::End),
        None => std::future::pending().await,
    }
}

/// The exit code that shells expect of a program that dies of SIGINT.
pub(super) const INTERRUPTED: u8 = 130;
/// From a signal to the end, which comes within 2 s. The close handshake and the last lines may take less than this.
const PATIENCE: Duration = Duration::from_millis(1750);
/// For the last lines of a program that was told to stop.
const HURRY: Duration = Duration::from_millis(300);
