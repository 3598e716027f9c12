//! Forwards keys from the terminal to the line editor.
//!
//! While the editor can print above its line, it waits until the terminal has more input and forgets bytes that it has
//! already read. If several keys arrive at once, as over a slow network or from an input method, all but the first wait
//! for another key. Bytes after the end of a line in the same read are lost (rustyline's issues 976 and 758; no release
//! has the fix). So the editor gets its own pseudo-terminal. A thread writes one line at a time into it, and after
//! several keys another key without effect.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    process::{Signal, getpid, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, Termios, tcgetattr, tcsetattr},
};

use super::foreground;
use crate::{connect::output::Drawn, signals};

/// The user's terminal, as it was before its keys were taken.
#[derive(Debug)]
pub(crate) struct Keys {
    terminal: OwnedFd,
    before: Termios,
}

impl Keys {
    /// Puts the editor's terminal in place of standard input. From now on Ctrl-C is a key. Returns `None` if the program
    /// is in the background and about to end because of a signal.
    pub(crate) fn take(drawn: Arc<Drawn>) -> io::Result<Option<Self>> {
        let terminal = io::stdin().as_fd().try_clone_to_owned()?;
        if !foreground::wait_for_foreground(&terminal)? {
            return Ok(None);
        }
        let before = tcgetattr(&terminal)?;
        let (editors, feed) = open_terminal()?;
        set_raw(&terminal, &before)?;
        rustix::stdio::dup2_stdin(&editors)?;
        let keys = Self { terminal: terminal.try_clone()?, before: before.clone() };
        let last = Self { terminal: terminal.try_clone()?, before: before.clone() };
        signals::before_exit(move || last.restore());
        let forwarder = Forwarder {
            terminal,
            before: before.clone(),
            feed: File::from(feed),
            drawn,
            unsettled_until: Instant::now(),
            in_paste: false,
            ahead: Vec::new(),
        };
        let work = move || {
            // Keep the editor's end open while this thread writes. When the user's terminal ends, so does the editor's.
            let _editors = editors;
            let _ = forwarder.pass_on();
        };
        thread::Builder::new().name("keys".to_owned()).spawn(work)?;
        Ok(Some(keys))
    }

    /// Restores the terminal's settings. It does not wait for pending output, because the terminal may be stopped. In
    /// the background the shell has already restored them, and trying would stop the program.
    pub(crate) fn restore(&self) {
        if self.is_in_foreground() {
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }

    pub(crate) fn is_in_foreground(&self) -> bool {
        foreground::is_in_foreground(&self.terminal)
    }
}

/// A terminal that changes nothing of what passes through, and the end that is written to.
fn open_terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    let feed = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&feed)?;
    unlockpt(&feed)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(ptsname(&feed, Vec::new())?, flags, Mode::empty())?;
    let mut settings = tcgetattr(&terminal)?;
    settings.make_raw();
    tcsetattr(&terminal, OptionalActions::Now, &settings)?;
    Ok((terminal, feed))
}

/// Delivers each key at once, but keeps the processing of output.
fn set_raw(terminal: &OwnedFd, before: &Termios) -> io::Result<()> {
    let mut raw = before.clone();
    raw.make_raw();
    raw.output_modes = before.output_modes;
    Ok(tcsetattr(terminal, OptionalActions::Now, &raw)?)
}

/// From the user's terminal to the editor's.
struct Forwarder {
    terminal: OwnedFd,
    before: Termios,
    feed: File,
    drawn: Arc<Drawn>,
    /// Until this time the editor may not have read the last piece, and would read the next key together with it.
    unsettled_until: Instant,
    /// Between the marks of a bracketed paste, whose lines are one to the editor.
    in_paste: bool,
    /// Keys that were read and are still to be given, at most `MOST_AHEAD` and a read.
    ahead: Vec<u8>,
}

impl Forwarder {
    fn pass_on(mut self) -> io::Result<()> {
        // The editor discards keys that arrive before its first prompt.
        self.drawn.wait_for_line(0, FIRST_PROMPT);
        loop {
            if self.ahead.is_empty() && !self.read_more()? {
                return Ok(());
            }
            let len = piece_len(&self.ahead, &mut self.in_paste);
            let piece: Vec<u8> = self.ahead.drain(..len).collect();
            match piece[..] {
                [SUSPEND] => self.suspend()?,
                [INTERRUPT] => {
                    // The editor may be blocked. If it is not, it leaves its line in order.
                    kill_process(getpid(), Signal::INT)?;
                    self.feed.write_all(&piece)?;
                }
                _ => self.give(&piece, self.ahead.is_empty())?,
            }
        }
    }

    fn give(&mut self, piece: &[u8], is_last: bool) -> io::Result<()> {
        let lines = self.drawn.lines();
        self.feed.write_all(piece)?;
        let ends_line = piece.last().is_some_and(is_enter);
        // The editor reads a paste to its end without waiting. A key written in between would become part of it.
        let is_settled = Instant::now() >= self.unsettled_until;
        if self.in_paste {
            return Ok(());
        }
        if is_one_key(piece) && !ends_line && is_last && is_settled {
            // If the next key comes soon, the editor may read both at once.
            self.unsettled_until = Instant::now() + SETTLING;
            return Ok(());
        }
        let pauses = match ends_line {
            true => PAUSES.iter().chain(&[LONG; 50]),
            false => PAUSES.iter().chain(&[]),
        };
        for &pause in pauses {
            match ends_line {
                true if self.drawn.wait_for_line(lines, pause) => return Ok(()),
                true => self.look_ahead()?,
                // The next key pushes as well.
                false if is_last && self.has_more(pause)? => return Ok(()),
                false if is_last => {}
                false => thread::sleep(SHORT),
            }
            self.feed.write_all(&[NOTHING])?;
            self.unsettled_until = Instant::now() + SETTLING;
        }
        Ok(())
    }

    /// Hears Ctrl-C while the editor does not go on, because the terminal shows nothing any more.
    fn look_ahead(&mut self) -> io::Result<()> {
        while self.ahead.len() < MOST_AHEAD && self.has_more(Duration::ZERO)? {
            if !self.read_more()? {
                break;
            }
        }
        if let Some(at) = self.ahead.iter().position(|key| *key == INTERRUPT) {
            // Ctrl-C discards the keys typed before it.
            self.ahead.drain(..=at);
            kill_process(getpid(), Signal::INT)?;
        }
        Ok(())
    }

    /// Waits for keys. Returns whether there are any: at the end of the terminal there are none.
    fn read_more(&mut self) -> io::Result<bool> {
        let mut keys = [0; 1024];
        let count = foreground::read(&self.terminal, &mut keys)?;
        self.ahead.extend_from_slice(&keys[..count]);
        Ok(count > 0)
    }

    fn has_more(&self, within: Duration) -> io::Result<bool> {
        let within = Timespec { tv_sec: 0, tv_nsec: within.subsec_nanos().into() };
        Ok(poll(&mut [PollFd::new(&self.terminal, PollFlags::IN)], Some(&within))? > 0)
    }

    fn suspend(&self) -> io::Result<()> {
        tcsetattr(&self.terminal, OptionalActions::Now, &self.before)?;
        kill_process(getpid(), Signal::TSTP)?;
        match foreground::wait_for_foreground(&self.terminal)? {
            true => set_raw(&self.terminal, &self.before),
            false => Ok(()),
        }
    }
}

/// Returns how many bytes to forward at once: up to the end of a line, or a whole paste. Ctrl-C is forwarded alone even
/// inside a paste, because the end of the paste may never arrive.
fn piece_len(keys: &[u8], in_paste: &mut bool) -> usize {
    if *in_paste {
        let end = find(keys, PASTE_END).map(|at| at + PASTE_END.len());
        let interrupt = keys.iter().position(|key| *key == INTERRUPT).map(|at| at.max(1));
        let len = [end, interrupt].into_iter().flatten().min();
        *in_paste = end.is_none() || len != end;
        return len.unwrap_or(keys.len());
    }
    if keys.starts_with(PASTE_START) {
        *in_paste = true;
        return PASTE_START.len();
    }
    let line = keys.iter().position(is_enter).map(|at| at + 1);
    let signal = keys.iter().position(|key| [SUSPEND, INTERRUPT].contains(key)).map(|at| at.max(1));
    let paste = find(keys, PASTE_START);
    [line, signal, paste].into_iter().flatten().min().unwrap_or(keys.len())
}

fn find(keys: &[u8], mark: &[u8]) -> Option<usize> {
    keys.windows(mark.len()).position(|window| window == mark)
}

/// A character or an escape sequence, which the editor reads to its end.
fn is_one_key(keys: &[u8]) -> bool {
    match keys {
        [0x1b, rest @ ..] => rest.len() < 8 && !rest.contains(&0x1b) && !rest.iter().any(is_enter),
        keys => std::str::from_utf8(keys).is_ok_and(|text| text.chars().count() == 1),
    }
}

/// Enter. The terminal makes a line feed of it until its keys are taken, and Ctrl-J is one too.
fn is_enter(key: &u8) -> bool {
    matches!(key, b'\r' | b'\n')
}

/// Ctrl-C.
const INTERRUPT: u8 = 0x03;
/// Ctrl-Z.
const SUSPEND: u8 = 0x1a;
/// Ctrl-@, which means nothing to the editor.
const NOTHING: u8 = 0;
const MOST_AHEAD: usize = 4096;
const PASTE_START: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
/// If the editor reads the extra key together with the keys before it, the next one helps.
const PAUSES: [Duration; 3] = [Duration::from_millis(2), Duration::from_millis(20), Duration::from_millis(200)];
const FIRST_PROMPT: Duration = Duration::from_secs(1);
const SETTLING: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_millis(200);
const SHORT: Duration = Duration::from_millis(1);

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
