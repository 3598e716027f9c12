//! One run of `silverback connect`: its input, its output and its exit code.

use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Error, OrFailed as _};
use crate::process::Group;

/// A run that is being put together.
pub(crate) struct Talk {
    command: Command,
    what: String,
}

impl Talk {
    /// Removes the environment variables that would change the result.
    pub(crate) fn new(program: &Path, words: &[&str]) -> Self {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let is_ours = name.starts_with("SILVERBACK_") || name.to_ascii_lowercase().ends_with("_proxy");
            if is_ours || name.starts_with("SSL_CERT_") || name == "SSLKEYLOGFILE" {
                command.env_remove(name);
            }
        }
        command.arg("connect").args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, what: format!("connect {}", words.join(" ")) }
    }

    pub(crate) fn env(mut self, variables: &[(&str, &str)]) -> Self {
        for (name, value) in variables {
            self.command.env(name, value);
            self.what = format!("{name}={value} {}", self.what);
        }
        self
    }

    /// Runs it with this input to its end.
    pub(crate) fn run(self, input: &[u8]) -> Result<Ended, Error> {
        let mut talking = self.start()?;
        let pipe = talking.input.take();
        let input = input.to_vec();
        // It may end before it has read all of it.
        let writing = thread::spawn(move || pipe.map(|mut pipe| pipe.write_all(&input)));
        let ended = talking.finish();
        let _ = writing.join();
        ended
    }

    /// Starts it, with an input that stays open.
    pub(crate) fn start(mut self) -> Result<Talking, Error> {
        let mut group = Group::spawn(&mut self.command).or_failed(&self.what)?;
        let child = group.child();
        let input = child.stdin.take();
        let out = Collected::from(child.stdout.take().or_failed("no pipe")?);
        let err = Collected::from(child.stderr.take().or_failed("no pipe")?);
        Ok(Talking { group, what: self.what, input, out, err })
    }
}

/// A run that has not ended.
pub(crate) struct Talking {
    group: Group,
    what: String,
    input: Option<ChildStdin>,
    out: Collected,
    err: Collected,
}

impl Talking {
    /// Says a line, and waits until it has come back.
    pub(crate) fn exchange(&mut self, line: &str) -> Result<(), Error> {
        let before = self.out.bytes().len();
        let input = self.input.as_mut().or_failed("the input is closed")?;
        writeln!(input, "{line}").or_failed(&self.what)?;
        let wanted = format!("{line}\n");
        let deadline = Instant::now() + LIMIT;
        while !self.out.bytes()[before..].ends_with(wanted.as_bytes()) {
            if Instant::now() >= deadline || self.group.wait(Duration::ZERO).or_failed(&self.what)?.is_some() {
                let (out, err) = (self.out.text(), self.err.text());
                return Err(Error::Failed(format!("`{}` never said {line}: {out}{err}", self.what)));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// As Ctrl-C would.
    pub(crate) fn interrupt(&mut self) -> Result<(), Error> {
        kill_process(Pid::from_child(self.group.child()), Signal::INT).or_failed(&self.what)
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Result<bool, Error> {
        Ok(self.group.wait(Duration::ZERO).or_failed(&self.what)?.is_some())
    }

    /// Ends the input and waits for the end of the run.
    pub(crate) fn end_input(mut self) -> Result<Ended, Error> {
        self.input = None;
        self.finish()
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Result<Ended, Error> {
        let Some(status) = self.group.wait(LIMIT).or_failed(&self.what)? else {
            let err = self.err.text();
            return Err(Error::Failed(format!("`{}` did not end within {} s: {err}", self.what, LIMIT.as_secs())));
        };
        // The readers reach the end of their pipes now.
        drop((self.group, self.input));
        let (out, err) = (self.out.all()?, self.err.all()?);
        Ok(Ended { what: self.what, code: status.code(), out, err: String::from_utf8_lossy(&err).into_owned() })
    }
}

/// A run that has ended.
pub(crate) struct Ended {
    what: String,
    code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ended {
    /// It ended with this code and told these words on standard error.
    pub(crate) fn expect(self, code: i32, words: &[&str]) -> Result<Self, Error> {
        let missing: Vec<_> = words.iter().filter(|word| !self.err.contains(**word)).collect();
        match self.code {
            Some(found) if found == code && missing.is_empty() => Ok(self),
            found => Err(Error::Failed(format!(
                "`{}` ended with {found:?}, not {code}, without saying {missing:?}: {}",
                self.what, self.err
            ))),
        }
    }

    /// It did not say this.
    pub(crate) fn without(self, word: &str) -> Result<Self, Error> {
        match self.err.contains(word) {
            true => Err(Error::Failed(format!("`{}` said {word}: {}", self.what, self.err))),
            false => Ok(self),
        }
    }

    /// It ended in order, and exactly these bytes came out of it.
    pub(crate) fn brought(self, bytes: &[u8]) -> Result<Self, Error> {
        let ended = self.expect(0, &[])?;
        if ended.out == bytes {
            return Ok(ended);
        }
        let same = ended.out.iter().zip(bytes).take_while(|(one, other)| one == other).count();
        let (count, wanted) = (ended.out.len(), bytes.len());
        let err = &ended.err;
        Err(Error::Failed(format!("`{}`: {count} bytes for {wanted}, the first {same} right: {err}", ended.what)))
    }
}

/// The bytes from a pipe so far.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Collected {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let into = bytes.clone();
        let reader = thread::spawn(move || {
            let mut chunk = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..count]);
            }
        });
        Self { bytes, reader }
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn all(self) -> Result<Vec<u8>, Error> {
        self.reader.join().ok().or_failed("a reading thread ended early")?;
        Ok(std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
