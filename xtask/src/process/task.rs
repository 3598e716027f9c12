//! One command line, run to its end.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::group::Group;
use super::output::{for_each_line, open_log, show_tail};
use super::running::Running;
use crate::error::{Error, OrFailed as _};

/// A command that is being put together.
pub(crate) struct Task {
    command: Command,
    limit: Duration,
}

/// The output of a command and its result.
pub(crate) struct Heard {
    pub(crate) output: String,
    pub(crate) end: Result<(), Error>,
}

impl Heard {
    /// The output, if the command succeeded.
    pub(crate) fn succeeded(self) -> Result<String, Error> {
        self.end.map(|()| self.output)
    }

    /// The same, but a failure lists the tests that `failed` finds in the output.
    pub(crate) fn succeeded_or_named(self, failed: impl Fn(&str) -> Option<&str>) -> Result<String, Error> {
        let names: Vec<&str> = self.output.lines().filter_map(failed).map(str::trim).collect();
        match self.end {
            Err(Error::Failed(_)) if !names.is_empty() => {
                Err(Error::Failed(format!("{} failed: {}", names.len(), names.join("; "))))
            }
            end => end.map(|()| self.output),
        }
    }
}

impl Task {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { command, limit: DEFAULT_LIMIT }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// How long it may take before it is ended and counts as failed. Default 15 minutes.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to the end. Its output goes to ours.
    pub(crate) fn run(self) -> Result<(), Error> {
        let line = self.line();
        let limit = self.limit;
        let mut group = self.spawn()?;
        check_status(&line, limit, group.wait(limit).or_failed(&line)?)
    }

    /// Runs it to the end. Its output goes to a file, whose last lines are shown on a failure.
    pub(crate) fn run_logged(mut self, log: &Path) -> Result<(), Error> {
        let (output, errors) = open_log(log)?;
        self.command.stdout(output).stderr(errors);
        let result = self.run();
        if result.is_err() {
            show_tail(log);
        }
        result
    }

    /// Runs it to the end and returns its standard output; its standard error passes through.
    pub(crate) fn read(self) -> Result<String, Error> {
        self.hear(|_| ()).succeeded()
    }

    /// The same, while its standard output passes through too, and whether it succeeded or not.
    pub(crate) fn read_aloud(self) -> Heard {
        self.hear(|line| println!("{line}"))
    }

    fn hear(mut self, on_line: fn(&str)) -> Heard {
        self.command.stdout(Stdio::piped());
        let mut output = String::new();
        let end = self.collect(on_line, &mut output);
        Heard { output, end }
    }

    fn collect(self, on_line: fn(&str), output: &mut String) -> Result<(), Error> {
        let line = self.line();
        let limit = self.limit;
        let mut group = self.spawn()?;
        let pipe = group.child().stdout.take().or_failed("no pipe")?;
        let reader = thread::spawn(move || collect_lines(pipe, on_line));
        let status = group.wait(limit).or_failed(&line)?;
        drop(group);
        *output = reader.join().ok().or_failed("the reading thread ended early")?;
        check_status(&line, limit, status)
    }

    /// Runs it silently and says whether it could be run and succeeded.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self.run().is_ok()
    }

    /// Starts it beside us. Its standard output can be watched and is kept, with its standard error, in the log.
    pub(crate) fn start(mut self, log: &Path) -> Result<Running, Error> {
        let (output, errors) = open_log(log)?;
        self.command.stdout(Stdio::piped()).stderr(errors);
        let line = self.line();
        Running::follow(self.spawn()?, line, output, log)
    }

    fn spawn(mut self) -> Result<Group, Error> {
        let line = self.line();
        Group::spawn(&mut self.command).or_failed(format_args!("cannot start `{line}`"))
    }

    /// The command as a person would type it, for messages.
    fn line(&self) -> String {
        let program = Path::new(self.command.get_program());
        let mut words = vec![program.file_name().unwrap_or(program.as_os_str())];
        words.extend(self.command.get_args());
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}

fn check_status(line: &str, limit: Duration, status: Option<ExitStatus>) -> Result<(), Error> {
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Error::Failed(format!("`{line}` ended with {status}"))),
        None => Err(Error::Failed(format!("`{line}` was ended after {} s", limit.as_secs()))),
    }
}

fn collect_lines(pipe: ChildStdout, on_line: fn(&str)) -> String {
    let mut text = String::new();
    for_each_line(pipe, |bytes| {
        let line = String::from_utf8_lossy(bytes);
        on_line(line.trim_end());
        text.push_str(&line);
    });
    text
}

const DEFAULT_LIMIT: Duration = Duration::from_secs(15 * 60);
