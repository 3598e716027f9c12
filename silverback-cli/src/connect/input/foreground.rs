//! Job control. Only the foreground job of a shell may read keys and change the settings of the terminal. The kernel stops
//! a background job that tries, and stops it again as soon as it is continued. `kill %1` sends a signal and continues the
//! job, so that signal would never be heard. This module asks first, and leaves time for a signal before it stops.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Signal, getpgrp, getpid, kill_process},
    termios::tcgetpgrp,
};

use crate::signals;

/// Whether keys of this terminal are for this program. Without job control they always are.
pub(super) fn is_in_foreground(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).map_or(true, |group| group == getpgrp())
}

/// Waits until the program is in the foreground; meanwhile it is stopped, like every program that reads keys. Returns
/// `false` if the program is about to end because of a signal.
pub(super) fn wait_for_foreground(terminal: impl AsFd) -> io::Result<bool> {
    loop {
        for _ in 0..LOOKS {
            if is_in_foreground(&terminal) {
                return Ok(true);
            }
            if signals::has_come() {
                return Ok(false);
            }
            thread::sleep(PAUSE);
        }
        kill_process(getpid(), Signal::TTIN)?;
    }
}

/// Reads typed bytes once the program is in the foreground.
pub(super) fn read(terminal: impl AsFd, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        if !wait_for_foreground(&terminal)? {
            // In the background, typed bytes belong to the shell.
            thread::park();
            continue;
        }
        // Unlike a read, it does not stop the program if it is moved to the background meanwhile.
        match poll(&mut [PollFd::new(&terminal, PollFlags::IN)], None) {
            Ok(_) if is_in_foreground(&terminal) => {}
            Ok(_) | Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(&terminal, &mut *bytes) {
            Err(rustix::io::Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}

/// Standard input that is a terminal, read without the line editor.
pub(super) struct TerminalInput(pub(super) io::Stdin);

impl Read for TerminalInput {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        read(&self.0, bytes)
    }
}

/// Together long enough for a signal that comes with SIGCONT to be heard on a busy machine.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);
