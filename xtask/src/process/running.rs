//! A program in the background: the service under test, or an interop peer's server.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, ExitStatus};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::group::Group;
use super::output::{for_each_line, show_tail};
use crate::error::{Error, OrFailed as _};

/// The guard of a program in the background. Dropping it ends the program and all processes that it started.
pub(crate) struct Running {
    group: Group,
    line: String,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Running {
    pub(super) fn follow(mut group: Group, line: String, output: File, log: &Path) -> Result<Self, Error> {
        let pipe = group.child().stdout.take().or_failed("no pipe")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || copy_lines(pipe, output, &sender));
        Ok(Self { group, line, lines, log: log.to_owned() })
    }

    /// Waits until it prints a line that begins with `prefix`, and returns the rest of that line.
    pub(crate) fn wait_for_line(&mut self, prefix: &str, limit: Duration) -> Result<String, Error> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                show_tail(&self.log);
                return Err(Error::Failed(format!("`{}` never printed `{prefix}`", self.line)));
            };
            if let Some(rest) = line.strip_prefix(prefix) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.group.pid()
    }

    /// Has it ended already?
    pub(crate) fn has_ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.group.wait(Duration::ZERO).or_failed(&self.line)
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) -> Result<(), Error> {
        self.group.terminate().or_failed(&self.line)
    }

    /// Waits for its end, which must be a success.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<(), Error> {
        let complaint = match self.group.wait(limit).or_failed(&self.line)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => format!("`{}` ended with {status}", self.line),
            None => format!("`{}` did not end within {} s", self.line, limit.as_secs()),
        };
        show_tail(&self.log);
        Err(Error::Failed(complaint))
    }
}

fn copy_lines(pipe: ChildStdout, mut log: File, lines: &Sender<String>) {
    for_each_line(pipe, |bytes| {
        let _ = log.write_all(bytes);
        // The receiver may be gone. We still drain the pipe, or the program would block on it.
        let _ = lines.send(String::from_utf8_lossy(bytes).trim_end().to_owned());
    });
}
