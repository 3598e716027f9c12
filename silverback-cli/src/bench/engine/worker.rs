//! One thread of the load, with its share of the connections.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use silverback::Conn;
use tokio::{
    net::TcpStream,
    runtime,
    sync::{mpsc::UnboundedSender, watch},
    task::JoinSet,
    time::{Instant, interval, sleep_until},
};

use super::clock::nanos;
use super::{
    broadcast::Member,
    control::{Stage, WorkerState},
    dialing::{Failed, LoadDialer},
    echo::Echo,
    handshakes::{self, Left},
    load::Task,
    pacer, raw,
    script::Frames,
    session,
};

/// Reports of a worker to the engine.
#[derive(Debug)]
pub(super) enum Report {
    /// All of its connections are open, or have failed to.
    Ready { worker: usize, opened: usize },
    /// All of them have ended.
    Done,
    /// It cannot do its work.
    Broken(io::Error),
}

/// Starts a worker on a new thread.
pub(super) fn start(
    state: Arc<WorkerState>,
    dialer: Arc<LoadDialer>,
    left: Arc<Left>,
    reports: UnboundedSender<Report>,
) -> io::Result<JoinHandle<()>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let stages = state.control.stages.subscribe();
    let worker = Worker { state, dialer, stages, sessions: JoinSet::new(), reports };
    let name = format!("load-{}", worker.state.number);
    thread::Builder::new().name(name).spawn(move || runtime.block_on(worker.work(left)))
}

struct Worker {
    state: Arc<WorkerState>,
    dialer: Arc<LoadDialer>,
    stages: watch::Receiver<Stage>,
    sessions: JoinSet<()>,
    reports: UnboundedSender<Report>,
}

/// A connection that was tried, and how long that took.
type Dialed = (Result<Opened, Failed>, u64);

enum Opened {
    WebSocket(Box<Conn>),
    Raw(TcpStream, Frames),
}

impl Worker {
    async fn work(mut self, left: Arc<Left>) {
        let opened = match self.state.control.load.task {
            Task::Handshakes => self.mine().count(),
            _ => self.open_all().await,
        };
        let _ = self.reports.send(Report::Ready { worker: self.state.number, opened });
        let _ = self.stages.wait_for(|stage| *stage >= Stage::Running).await;
        self.state.notify_all();
        if self.state.control.load.task == Task::Handshakes {
            for number in self.mine() {
                self.sessions.spawn(handshakes::run(self.state.clone(), self.dialer.clone(), number, left.clone()));
            }
        }
        if let Some(rate) = self.state.control.load.task.rate() {
            tokio::spawn(pace(self.state.clone(), rate, self.reports.clone()));
        }
        self.see_to_the_end().await;
        let _ = self.reports.send(Report::Done);
    }

    /// The numbers of this worker's connections.
    fn mine(&self) -> impl Iterator<Item = usize> + use<> {
        let load = &self.state.control.load;
        (self.state.number..load.connections).step_by(load.threads)
    }

    /// Opens this worker's connections. Those that are open wait, and answer pings, until the load begins.
    async fn open_all(&mut self) -> usize {
        let ramp = self.state.control.load.ramp;
        let begin = Instant::now();
        let mut dials = JoinSet::new();
        let mut opened = 0;
        for number in self.mine() {
            let mut is_due = false;
            while !is_due {
                let free = dials.len() < DIALS_AT_ONCE;
                let due = ramp.map_or(begin, |rate| begin + Duration::from_secs_f64(number as f64 / rate));
                tokio::select! {
                    biased;
                    _ = self.stages.changed() => {}
                    Some(Ok(dialed)) = dials.join_next() => opened += usize::from(self.take_in(dialed)),
                    () = sleep_until(due), if free => is_due = true,
                }
                if self.state.control.has_reached(Stage::Stopping) {
                    return opened;
                }
            }
            dials.spawn(dial(self.state.clone(), self.dialer.clone(), number));
        }
        loop {
            tokio::select! {
                _ = self.stages.changed() => return opened,
                dialed = dials.join_next() => match dialed {
                    Some(Ok(dialed)) => opened += usize::from(self.take_in(dialed)),
                    Some(Err(_)) => {}
                    None => return opened,
                },
            }
        }
    }

    fn take_in(&mut self, (outcome, took): Dialed) -> bool {
        let state = self.state.clone();
        let mut counts = self.state.counts();
        let opened = match outcome {
            Ok(opened) => opened,
            Err(failed) => {
                counts.faults.count(failed.cause, failed);
                return false;
            }
        };
        counts.opened += 1;
        counts.connects.record(took, 1);
        drop(counts);
        match (opened, state.control.load.task) {
            (Opened::Raw(stream, frames), _) => self.sessions.spawn(raw::run(stream, frames, state)),
            (Opened::WebSocket(conn), Task::Broadcast { .. }) => {
                self.sessions.spawn(session::run(*conn, state, Member::new))
            }
            (Opened::WebSocket(conn), _) => self.sessions.spawn(session::run(*conn, state, Echo::new)),
        };
        true
    }

    async fn see_to_the_end(&mut self) {
        let clock = self.state.control.clock;
        let patience = self.state.control.load.timeout;
        let mut sweep = interval((patience / 4).clamp(Duration::from_millis(1), SWEEP));
        loop {
            tokio::select! {
                changed = self.stages.changed() => {
                    self.state.notify_all();
                    if changed.is_err() || self.state.control.has_reached(Stage::Over) {
                        return;
                    }
                }
                ended = self.sessions.join_next() => if ended.is_none() {
                    return;
                },
                _ = sweep.tick() => {
                    let then = clock.now().saturating_sub(nanos(patience));
                    self.state.notify_if_older(then);
                }
            }
        }
    }
}

async fn dial(state: Arc<WorkerState>, dialer: Arc<LoadDialer>, number: usize) -> Dialed {
    let began = state.control.clock.now();
    let outcome = match state.control.load.raw.clone() {
        Some(frames) => dialer.open_raw(number).await.map(|stream| Opened::Raw(stream, frames)),
        None => dialer.open(number).await.map(|conn| Opened::WebSocket(Box::new(conn))),
    };
    (outcome, state.control.clock.now() - began)
}

async fn pace(state: Arc<WorkerState>, rate: f64, reports: UnboundedSender<Report>) {
    if let Err(error) = pacer::pace(state, rate).await {
        let _ = reports.send(Report::Broken(error));
    }
}

/// More at once would only wait in the server's queue, and be timed there.
const DIALS_AT_ONCE: usize = 64;

/// The interval between two searches for connections that have waited too long.
const SWEEP: Duration = Duration::from_millis(250);
