//! Signals that ask the program to end.
//!
//! A separate thread waits for them, so that a blocked write or a busy thread cannot delay them. It passes the first
//! signal to the command, which has a limited time to end in order. The second signal ends the program at once. So does
//! the first one while the command has nothing to end in order.

use std::{
    io, process,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::{runtime, sync::watch};

use crate::error::Error;

/// The signals that a command receives. Dropping it means that an orderly end has nothing left to do.
#[derive(Debug)]
pub(crate) struct Signals {
    first: watch::Receiver<Option<u8>>,
    is_passed_on: bool,
}

impl Signals {
    /// Starts to catch signals. Until [`end_in_order`](Self::end_in_order) is called, the first one ends the program at
    /// once.
    pub(crate) fn catch() -> Result<Self, Error> {
        let cannot = |error: io::Error| Error::System(format!("cannot wait for signals: {error}"));
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        let entered = runtime.enter();
        let mut sources = Sources::new().map_err(cannot)?;
        drop(entered);
        let (sender, first) = watch::channel(None);
        let work = move || {
            runtime.block_on(async {
                let code = loop {
                    match sources.next().await {
                        HANG_UP if calls_for_reload() => {}
                        code => break code,
                    }
                };
                note_first(code);
                sender.send_replace(Some(code));
                exit(sources.next().await)
            })
        };
        thread::Builder::new().name("signals".to_owned()).spawn(work).map_err(cannot)?;
        Ok(Self { first, is_passed_on: false })
    }

    /// Lets the command end in order, within this time from the first signal on.
    pub(crate) fn end_in_order(&self, within: Duration) {
        lock().patience = Some(within);
    }

    /// Waits for the first signal. Returns, once, the exit code that shells expect of a program that this signal ends.
    ///
    /// Cancel safe.
    pub(crate) async fn next(&mut self) -> u8 {
        if !self.is_passed_on
            && let Ok(first) = self.first.wait_for(Option::is_some).await
            && let Some(code) = *first
        {
            self.is_passed_on = true;
            return code;
        }
        std::future::pending().await
    }
}

impl Signals {
    /// Calls this at each SIGHUP before another signal, instead of ending the program. A SIGHUP that comes because the
    /// terminal has gone still ends it.
    pub(crate) fn on_hangup(&self, act: impl Fn() + Send + 'static) {
        lock().on_hangup = Some(OnHangup { act: Box::new(act), has_terminal: has_terminal() });
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let mut state = lock();
        // A command that already ends because of a signal keeps its remaining time.
        if state.first.is_none() {
            state.patience = None;
        }
    }
}

/// Whether a signal has arrived.
pub(crate) fn has_come() -> bool {
    lock().first.is_some()
}

/// Registers a cleanup to run before a signal ends the program at once. It must not block.
pub(crate) fn before_exit(act: impl FnOnce() + Send + 'static) {
    lock().last_act = Some(Box::new(act));
}

struct State {
    /// The time for the command to end in order, if there is something to end.
    patience: Option<Duration>,
    first: Option<u8>,
    last_act: Option<Box<dyn FnOnce() + Send>>,
    on_hangup: Option<OnHangup>,
}

struct OnHangup {
    act: Box<dyn Fn() + Send>,
    /// Whether the program was started at a terminal.
    has_terminal: bool,
}

static STATE: Mutex<State> = Mutex::new(State { patience: None, first: None, last_act: None, on_hangup: None });

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls the act of [`Signals::on_hangup`], if there is one and the terminal is still there.
fn calls_for_reload() -> bool {
    let state = lock();
    let Some(on_hangup) = &state.on_hangup else { return false };
    let is_reload = !on_hangup.has_terminal || has_terminal();
    if is_reload {
        (on_hangup.act)();
    }
    is_reload
}

/// Whether the process has a terminal that controls it.
fn has_terminal() -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{Mode, OFlags, open};
        open("/dev/tty", OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).is_ok()
    }
    #[cfg(not(unix))]
    false
}

/// The exit code that shells expect of a program that SIGHUP ends.
const HANG_UP: u8 = 128 + 1;

/// Ends the program at once, or when its time is over.
fn note_first(code: u8) {
    let mut state = lock();
    state.first = Some(code);
    let Some(patience) = state.patience else {
        drop(state);
        exit(code)
    };
    drop(state);
    let work = move || {
        thread::sleep(patience);
        exit(code)
    };
    // If the thread cannot start, the second signal still ends the program.
    let _ = thread::Builder::new().name("deadline".to_owned()).spawn(work);
}

fn exit(code: u8) -> ! {
    let act = lock().last_act.take();
    if let Some(act) = act {
        act();
    }
    process::exit(code.into())
}

#[cfg(unix)]
struct Sources {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` if the signal is ignored, as under nohup.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Sources {
    /// Must be called in a runtime.
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if hangup_ends() { Some(signal(SignalKind::hangup())?) } else { None },
        })
    }

    async fn next(&mut self) -> u8 {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => 128 + 2,
            _ = self.terminate.recv() => 128 + 15,
            _ = hangup => HANG_UP,
        }
    }
}

#[cfg(not(unix))]
struct Sources;

#[cfg(not(unix))]
impl Sources {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        128 + 2
    }
}

/// Whether to catch SIGHUP. If it was ignored, or that cannot be known, it is left alone, because catching it would
/// undo nohup.
#[cfg(unix)]
fn hangup_ends() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & HANGUP == 0)
}
