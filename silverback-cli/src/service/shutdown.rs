//! Signals: the first one ends the program in order, the second one at once.

use std::{io, process};

/// The signals that ask the program to end.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// `None` where it is ignored, as under nohup.
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    /// From now on the signals come here. Needs a runtime.
    pub(crate) fn catch() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: if hangup_ends() { Some(signal(SignalKind::hangup())?) } else { None },
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// The next signal; gives the exit code that shells expect of a program that dies of it.
    pub(crate) async fn next(&mut self) -> i32 {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => 128 + 2,
            _ = self.terminate.recv() => 128 + 15,
            () = received(&mut self.hangup) => 128 + 1,
        }
        #[cfg(not(unix))]
        {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            128 + 2
        }
    }

    /// Ends the program when another signal comes.
    pub(crate) async fn exit_at_next(mut self) {
        process::exit(self.next().await);
    }
}

#[cfg(unix)]
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP is not ignored. Where that cannot be told it is left alone, for to catch it is to undo nohup.
#[cfg(unix)]
fn hangup_ends() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & HANGUP == 0)
}
