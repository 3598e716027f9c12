//! The engine puts a load on a server and measures the answers. It prints nothing and does not depend on the command
//! line.
//!
//! Each worker is a thread with its own runtime and its share of the connections. The engine collects the workers'
//! counts at each tick, so that measuring can begin when the warm-up ends, and so that it gets a series of samples.

mod abrupt;
mod alarm;
pub(crate) mod broadcast;
mod clock;
mod control;
pub(crate) mod counts;
mod dialing;
mod echo;
pub(crate) mod fault;
mod handshakes;
pub(crate) mod load;
mod notifier;
pub(crate) mod outcome;
mod pacer;
mod publications;
mod raw;
mod schedule;
pub(crate) mod script;
pub(crate) mod server_process;
mod session;
mod stamps;
mod worker;
mod write;

use std::{io, sync::Arc, thread::JoinHandle, time::Duration};

use tokio::{
    runtime,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{MissedTickBehavior, interval},
};

use self::{
    clock::nanos,
    control::{Control, Stage, Start, WorkerState},
    dialing::LoadDialer,
    handshakes::Left,
    load::{Load, Task, Until},
    outcome::{Ledger, Outcome, Progress},
    worker::Report,
};

/// Runs the load, and reports progress to `observe` several times a second. It ends early when `stop` does.
///
/// # Errors
/// Threads, runtimes or timers cannot be made. What goes wrong with connections is in the outcome.
pub(crate) fn run(load: Load, stop: impl AsyncFnOnce(), observe: &mut dyn FnMut(&Progress)) -> io::Result<Outcome> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let addresses = match dialing::resolve(&load).await {
            Ok(addresses) => addresses,
            Err(failed) => return Ok(Outcome::nothing(failed.cause, failed)),
        };
        let dialer = Arc::new(LoadDialer::new(&load, addresses));
        let mut engine = Engine::start(load, dialer)?;
        let mut stop = std::pin::pin!(stop());
        engine.run(&mut stop, observe).await
    })
}

struct Engine {
    control: Arc<Control>,
    workers: Vec<Arc<WorkerState>>,
    threads: Vec<JoinHandle<()>>,
    reports: UnboundedReceiver<Report>,
    ledger: Ledger,
    stage: Stage,
    /// When the stage ends by itself, if it does.
    until: Option<u64>,
    /// By worker; `None` for those that are not ready.
    ready: Vec<Option<usize>>,
    working: usize,
    interrupted: bool,
}

impl Engine {
    fn start(load: Load, dialer: Arc<LoadDialer>) -> io::Result<Self> {
        let count = match (load.task, load.until) {
            (Task::Handshakes, Until::Done(count)) => count,
            _ => u64::MAX,
        };
        let left = Left::new(count);
        let control = Control::new(load);
        let (sender, reports) = unbounded_channel();
        let count = control.load.threads;
        let workers: Vec<_> = (0..count).map(|number| WorkerState::new(control.clone(), number)).collect();
        let threads =
            workers.iter().map(|state| worker::start(state.clone(), dialer.clone(), left.clone(), sender.clone()));
        let threads = threads.collect::<io::Result<_>>()?;
        let ledger = Ledger::new(&control);
        Ok(Self {
            control,
            workers,
            threads,
            reports,
            ledger,
            stage: Stage::Opening,
            until: None,
            ready: vec![None; count],
            working: count,
            interrupted: false,
        })
    }

    async fn run(
        &mut self,
        stop: &mut (impl Future<Output = ()> + Unpin),
        observe: &mut dyn FnMut(&Progress),
    ) -> io::Result<Outcome> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while self.working > 0 && self.stage < Stage::Over {
            tokio::select! {
                // Check for the request to stop first, so that a busy engine still sees it.
                biased;
                () = &mut *stop, if !self.interrupted => {
                    self.interrupted = true;
                    self.stop(SHORT_PATIENCE);
                }
                Some(report) = self.reports.recv() => self.handle_report(report)?,
                _ = ticks.tick() => self.tick(observe),
                () = sleep_until(&self.control, self.until) => self.go_on(),
            }
        }
        self.enter(Stage::Over, None);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| io::Error::other("a thread of the load has failed"))?;
        }
        self.collect();
        Ok(self.ledger.finish(&self.control, self.interrupted))
    }

    fn handle_report(&mut self, report: Report) -> io::Result<()> {
        match report {
            Report::Ready { worker, opened } => {
                self.ready[worker] = Some(opened);
                let opened: Option<Vec<_>> = self.ready.iter().copied().collect();
                if let Some(opened) = opened.filter(|_| self.stage == Stage::Opening) {
                    self.begin(opened);
                }
            }
            Report::Done => {
                self.working -= 1;
                if self.working == 0 {
                    self.collect();
                    self.ledger.end_measuring(&self.control);
                }
            }
            Report::Broken(error) => return Err(error),
        }
        Ok(())
    }

    /// Everybody is ready: the load begins.
    fn begin(&mut self, opened: Vec<usize>) {
        self.collect();
        let now = self.control.clock.now();
        let total: usize = opened.iter().sum();
        let receivers = match self.control.load.task {
            Task::Broadcast { hears_itself: false, .. } => total.saturating_sub(1),
            _ => total,
        };
        self.control.publications().set_receivers(receivers);
        // Set once: this is the only place.
        let _ = self.control.start.set(Start { at: now, opened });
        if total == 0 {
            self.stop(Duration::ZERO);
            return;
        }
        let warmup = nanos(self.control.load.warmup);
        self.ledger.start(now);
        if warmup == 0 {
            self.measure();
        }
        let until = if warmup > 0 { Some(now + warmup) } else { self.end_of_load() };
        self.enter(Stage::Running, until);
    }

    /// The warm-up is over.
    fn measure(&mut self) {
        for state in &self.workers {
            self.ledger.discard(state);
        }
        self.ledger.start_measuring(&self.control);
    }

    fn end_of_load(&self) -> Option<u64> {
        match self.control.load.until {
            Until::Elapsed(time) => Some(self.control.clock.now() + nanos(time)),
            Until::Done(_) => None,
        }
    }

    /// The stage, or a part of it, has lasted as long as it was to.
    fn go_on(&mut self) {
        self.until = None;
        match self.stage {
            Stage::Running if !self.ledger.is_measuring() => {
                self.measure();
                self.until = self.end_of_load();
            }
            Stage::Opening | Stage::Running => self.stop(self.control.load.timeout.min(LONG_PATIENCE)),
            Stage::Stopping => self.enter(Stage::Leaving, Some(self.control.clock.now() + nanos(SHORT_PATIENCE))),
            Stage::Leaving | Stage::Over => self.enter(Stage::Over, None),
        }
    }

    /// Stops sending. Messages in flight may be answered within `patience`.
    fn stop(&mut self, patience: Duration) {
        if self.stage < Stage::Stopping {
            self.collect();
            self.ledger.end_measuring(&self.control);
            self.enter(Stage::Stopping, Some(self.control.clock.now() + nanos(patience)));
        } else {
            self.enter(Stage::Over, None);
        }
    }

    fn enter(&mut self, stage: Stage, until: Option<u64>) {
        (self.stage, self.until) = (stage, until);
        self.control.enter(stage);
    }

    fn tick(&mut self, observe: &mut dyn FnMut(&Progress)) {
        self.collect();
        self.see_to_publications();
        observe(&self.ledger.progress(&self.control, self.stage > Stage::Opening));
    }

    fn collect(&mut self) {
        for state in &self.workers {
            self.ledger.take(state);
        }
        self.ledger.close_sample(&self.control);
    }

    /// Expires messages of a broadcast that cannot reach all receivers any more, and detects the end of the broadcast.
    fn see_to_publications(&mut self) {
        let Task::Broadcast { .. } = self.control.load.task else { return };
        let then = self.control.clock.now().saturating_sub(nanos(self.control.load.timeout));
        let mut publications = self.control.publications();
        let expired = publications.expire(then);
        let is_quiet = publications.open() == 0;
        drop(publications);
        self.ledger.note_incomplete(expired);
        let has_sent_all = match self.control.load.until {
            Until::Done(count) => self.ledger.sent() >= count,
            Until::Elapsed(_) => false,
        };
        match self.stage {
            Stage::Running if is_quiet && has_sent_all => self.stop(Duration::ZERO),
            Stage::Stopping if is_quiet => self.go_on(),
            _ => {}
        }
    }
}

async fn sleep_until(control: &Control, until: Option<u64>) {
    match until {
        Some(then) => tokio::time::sleep(Duration::from_nanos(then.saturating_sub(control.clock.now()))).await,
        None => std::future::pending().await,
    }
}

/// The interval at which counts are collected and shown.
const TICK: Duration = Duration::from_millis(100);

/// The time to wait for answers and closes at the end.
const LONG_PATIENCE: Duration = Duration::from_secs(5);
const SHORT_PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
