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
    control::{Crew, Stage},
    dialing::{Doorway, Failed},
    echo::Echo,
    handshakes::{self, Left},
    load::Task,
    pacer, raw,
    script::Frames,
    session,
};

/// What a worker tells the engine.
#[derive(Debug)]
pub(super) enum Report {
    /// All of its connections are open, or have failed to.
    Ready { worker: usize, opened: usize },
    /// All of them have ended.
    Done,
    /// It cannot do its work.
    Broken(io::Error),
}

/// Starts a worker on a thread of its own.
pub(super) fn start(
    crew: Arc<Crew>,
    doorway: Arc<Doorway>,
    left: Arc<Left>,
    reports: UnboundedSender<Report>,
) -> io::Result<JoinHandle<()>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let stages = crew.control.stages.subscribe();
    let worker = Worker { crew, doorway, stages, sessions: JoinSet::new(), reports };
    let name = format!("load-{}", worker.crew.number);
    thread::Builder::new().name(name).spawn(move || runtime.block_on(worker.work(left)))
}

struct Worker {
    crew: Arc<Crew>,
    doorway: Arc<Doorway>,
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
        let opened = match self.crew.control.load.task {
            Task::Handshakes => self.mine().count(),
            _ => self.open_all().await,
        };
        let _ = self.reports.send(Report::Ready { worker: self.crew.number, opened });
        let _ = self.stages.wait_for(|stage| *stage >= Stage::Running).await;
        self.crew.notify_all();
        if self.crew.control.load.task == Task::Handshakes {
            for number in self.mine() {
                self.sessions.spawn(handshakes::run(self.crew.clone(), self.doorway.clone(), number, left.clone()));
            }
        }
        if let Some(rate) = self.crew.control.load.task.rate() {
            tokio::spawn(pace(self.crew.clone(), rate, self.reports.clone()));
        }
        self.see_to_the_end().await;
        let _ = self.reports.send(Report::Done);
    }

    /// The numbers of this worker's connections.
    fn mine(&self) -> impl Iterator<Item = usize> + use<> {
        let load = &self.crew.control.load;
        (self.crew.number..load.connections).step_by(load.threads)
    }

    /// Opens this worker's connections. Those that are open wait, and answer pings, until the load begins.
    async fn open_all(&mut self) -> usize {
        let ramp = self.crew.control.load.ramp;
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
                if self.crew.control.has_reached(Stage::Stopping) {
                    return opened;
                }
            }
            dials.spawn(dial(self.crew.clone(), self.doorway.clone(), number));
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
        let crew = self.crew.clone();
        let mut counts = self.crew.counts();
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
        match (opened, crew.control.load.task) {
            (Opened::Raw(stream, frames), _) => self.sessions.spawn(raw::run(stream, frames, crew)),
            (Opened::WebSocket(conn), Task::Broadcast { .. }) => {
                self.sessions.spawn(session::run(*conn, crew, Member::new))
            }
            (Opened::WebSocket(conn), _) => self.sessions.spawn(session::run(*conn, crew, Echo::new)),
        };
        true
    }

    async fn see_to_the_end(&mut self) {
        let clock = self.crew.control.clock;
        let patience = self.crew.control.load.timeout;
        let mut sweep = interval((patience / 4).clamp(Duration::from_millis(1), SWEEP));
        loop {
            tokio::select! {
                changed = self.stages.changed() => {
                    self.crew.notify_all();
                    if changed.is_err() || self.crew.control.has_reached(Stage::Over) {
                        return;
                    }
                }
                ended = self.sessions.join_next() => if ended.is_none() {
                    return;
                },
                _ = sweep.tick() => {
                    let then = clock.now().saturating_sub(nanos(patience));
                    self.crew.notify_if_older(then);
                }
            }
        }
    }
}

async fn dial(crew: Arc<Crew>, doorway: Arc<Doorway>, number: usize) -> Dialed {
    let began = crew.control.clock.now();
    let outcome = match crew.control.load.raw.clone() {
        Some(frames) => doorway.open_raw(number).await.map(|stream| Opened::Raw(stream, frames)),
        None => doorway.open(number).await.map(|conn| Opened::WebSocket(Box::new(conn))),
    };
    (outcome, crew.control.clock.now() - began)
}

async fn pace(crew: Arc<Crew>, rate: f64, reports: UnboundedSender<Report>) {
    if let Err(error) = pacer::pace(crew, rate).await {
        let _ = reports.send(Report::Broken(error));
    }
}

/// More at once would only wait in the server's queue, and be timed there.
const DIALS_AT_ONCE: usize = 64;

/// How often those are looked for who wait for too long.
const SWEEP: Duration = Duration::from_millis(250);
