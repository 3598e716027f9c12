//! Reads a recording: first all of it, to find faults before anything is sent, then again while it is replayed. At no
//! time more than a few lines of it are in memory.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde::de::IgnoredAny;
use silverback::Message;

use super::line::{self, Entry, Event};
use crate::{
    connect::{file, input::event::Input},
    error::Error,
};

/// A recording without faults.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    path: PathBuf,
    /// The most bytes of a message.
    most: u64,
    /// How many messages the client sent.
    pub(crate) sent: u64,
    /// How many it received.
    pub(crate) received: u64,
}

/// A message that the recording has received, to be compared with one that arrives now.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) line: u64,
    pub(crate) message: Message,
}

/// How fast to replay: this many times as fast as it was recorded, or `0`, at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Speed(f64);

impl Speed {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let speed = text.trim().parse().ok().filter(|speed| *speed == 0.0 || SPEEDS.contains(speed));
        speed.map(Self).ok_or_else(|| "must be 0, or from 0.001 to 1000000".to_owned())
    }

    fn scale(self, time: Duration) -> Duration {
        match self.0 {
            0.0 => Duration::ZERO,
            speed => Duration::try_from_secs_f64(time.as_secs_f64() / speed).unwrap_or(Duration::MAX),
        }
    }
}

impl Recording {
    /// Reads all of it, to find faults.
    pub(crate) fn validate(path: &Path, most: u64) -> Result<Self, Error> {
        let recording = Self { path: path.to_owned(), most, sent: 0, received: 0 };
        let mut lines = Lines::open(&recording)?;
        let (mut sent, mut received) = (0, 0);
        while let Some(entry) = lines.next()? {
            match entry.event {
                Event::Sent(_) => sent += 1,
                Event::Received(_) => received += 1,
                Event::Note | Event::CloseSent(..) | Event::CloseReceived => {}
            }
        }
        Ok(Self { sent, received, ..recording })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the messages that were sent, at their times, until `give` returns false. The first line is at time zero. The
    /// end comes at the time of the last line.
    pub(crate) fn replay(&self, speed: Speed, mut give: impl FnMut(Input) -> bool) {
        match self.replay_lines(speed, &mut give) {
            Ok(()) => give(Input::End),
            Err(error) => give(Input::Failed(error)),
        };
    }

    fn replay_lines(&self, speed: Speed, give: &mut impl FnMut(Input) -> bool) -> Result<(), Error> {
        let mut lines = Lines::open(self)?;
        let mut schedule = Schedule { start: Instant::now(), speed, due: Duration::ZERO, last: None };
        let mut farewell = None;
        while let Some(entry) = lines.next()? {
            schedule.advance(entry.at);
            match entry.event {
                Event::Sent(message) => {
                    schedule.wait();
                    // The client went on after this close, so it was one of several conversations.
                    farewell = None;
                    if !give(Input::Message(message)) {
                        return Ok(());
                    }
                }
                Event::CloseSent(code, reason) => farewell = Some((code, reason)),
                Event::Note | Event::Received(_) | Event::CloseReceived => {}
            }
        }
        schedule.wait();
        if let Some((code, reason)) = farewell {
            give(Input::CloseWith(code, reason));
        }
        Ok(())
    }

    /// Gives the messages that were received, until `give` returns false.
    pub(crate) fn expect(&self, mut give: impl FnMut(Result<Expected, Error>) -> bool) {
        if let Err(error) = self.expect_lines(&mut give) {
            give(Err(error));
        }
    }

    fn expect_lines(&self, give: &mut impl FnMut(Result<Expected, Error>) -> bool) -> Result<(), Error> {
        let mut lines = Lines::open(self)?;
        while let Some(entry) = lines.next()? {
            if let Event::Received(message) = entry.event
                && !give(Ok(Expected { line: lines.number, message }))
            {
                break;
            }
        }
        Ok(())
    }
}

/// When the next line is due.
struct Schedule {
    start: Instant,
    speed: Speed,
    due: Duration,
    last: Option<SystemTime>,
}

impl Schedule {
    fn advance(&mut self, at: Option<SystemTime>) {
        let Some(at) = at else { return };
        // A clock that was set back, and recordings behind each other, make no gap.
        let gap = self.last.and_then(|last| at.duration_since(last).ok()).unwrap_or_default();
        self.due = self.due.saturating_add(self.speed.scale(gap));
        self.last = Some(at);
    }

    fn wait(&self) {
        thread::sleep(self.due.saturating_sub(self.start.elapsed()));
    }
}

/// The lines of a recording.
struct Lines<'a> {
    recording: &'a Recording,
    from: BufReader<File>,
    number: u64,
}

impl<'a> Lines<'a> {
    fn open(recording: &'a Recording) -> Result<Self, Error> {
        let file = file::open_regular(&recording.path);
        let file = file.map_err(|reason| Error::Usage(format!("--replay: {reason}")))?;
        Ok(Self { recording, from: BufReader::with_capacity(READ_SIZE, file), number: 0 })
    }

    /// Returns the next event, if there is one.
    fn next(&mut self) -> Result<Option<Entry>, Error> {
        // A byte can become six in JSON.
        let most = self.recording.most.saturating_mul(6).saturating_add(MOST_BESIDE);
        loop {
            let mut line = Vec::new();
            self.number += 1;
            let read = (&mut self.from).take(most).read_until(b'\n', &mut line);
            let len = read.map_err(|error| self.fault(&error.to_string()))?;
            if len == 0 {
                return Ok(None);
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let is_whole = line.ends_with(b"\n");
            if !is_whole && len as u64 == most {
                return Err(self.fault("the line is too long; --max-message-size allows more"));
            }
            return match line::parse(&line, self.recording.most) {
                Ok(entry) => Ok(Some(entry)),
                Err(_) if !is_whole && is_cut(&line) => {
                    Err(self.fault("the last line is not complete, as if its writer was killed; delete it"))
                }
                Err(reason) => Err(self.fault(&reason)),
            };
        }
    }

    fn fault(&self, reason: &str) -> Error {
        // A reason may quote the line, which may be long.
        let cut = reason.char_indices().nth(MOST_REASON).map(|(at, _)| format!("{}…", &reason[..at]));
        let reason = cut.as_deref().unwrap_or(reason);
        Error::Usage(format!("--replay {}:{}: {reason}", self.recording.path.display(), self.number))
    }
}

/// Whether JSON ends too early.
fn is_cut(line: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

const SPEEDS: std::ops::RangeInclusive<f64> = 0.001..=1_000_000.0;
const READ_SIZE: usize = 64 * 1024;
/// The most characters of a reason.
const MOST_REASON: usize = 300;
/// The most bytes of a line beside those of a message.
const MOST_BESIDE: u64 = 64 * 1024;

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
