//! The process groups that we started and that still live.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A child and its group. Dropping it ends both.
pub(crate) struct Group {
    child: Child,
    id: Pid,
}

impl Group {
    /// Starts the command as the leader of a new group.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        use std::os::unix::process::CommandExt as _;

        // The lock is held across the start, so that the signal thread never misses a child that was just born.
        let mut living = living();
        let child = command.process_group(0).spawn()?;
        let id = Pid::from_child(&child);
        living.push(id);
        Ok(Self { child, id })
    }

    /// The leader's pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The leader's number.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the leader has ended, then kills the rest of its group. `None` on a timeout.
    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        while !self.leader_has_ended()? {
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
        self.end().map(Some)
    }

    /// Asks the leader, and only it, to stop.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        Ok(rustix::process::kill_process(self.id, Signal::TERM)?)
    }

    fn leader_has_ended(&self) -> io::Result<bool> {
        // NOWAIT leaves the leader a zombie, so that its number cannot be given to a stranger before we end the group.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.id), options) {
            Ok(status) => Ok(status.is_some()),
            // An earlier wait has already collected it.
            Err(Errno::CHILD) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn end(&mut self) -> io::Result<ExitStatus> {
        let mut living = living();
        if let Some(position) = living.iter().position(|id| *id == self.id) {
            let _ = kill_process_group(self.id, Signal::KILL);
            living.swap_remove(position);
        }
        drop(living);
        self.child.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// From now on an interrupt ends every group, then us.
pub(crate) fn end_children_on_signals() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let living = living();
            for id in living.iter() {
                let _ = kill_process_group(*id, Signal::KILL);
            }
            eprintln!("stopped by signal {signal}");
            // Still under the lock: no child can be born between the last kill and our end.
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

fn living() -> MutexGuard<'static, Vec<Pid>> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}

static LIVING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

const POLL: Duration = Duration::from_millis(10);
