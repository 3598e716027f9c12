//! The clients of `cargo xtask soak`: a mixed load on the echo service, all in one thread. Each client has its own
//! seeded random source, so that it sends the same messages at any speed of the machine and of the other clients.
//! `tally` lists the kinds of clients. `xtask` watches the service's process meanwhile.
#![allow(clippy::print_stdout, reason = "xtask reads its output")]

mod abrupt;
mod conversation;
mod deflate;
mod exchange;
mod frames;
mod handshake;
mod listening;
mod material;
mod plain;
mod random;
mod tally;

use std::{env, future::Future, net::SocketAddr, rc::Rc, time::Duration};

use silverback_bench::Failure;
use tokio::{
    net::{TcpSocket, TcpStream},
    runtime, select,
    task::{JoinSet, LocalSet},
    time::{Instant, interval, sleep, timeout},
};

use self::{
    random::Random,
    tally::{Counts, Kind, Tally},
};

fn main() {
    let words: Vec<_> = env::args().skip(1).collect();
    let [server, seconds, seed] = words.as_slice() else { panic!("{USAGE}") };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let tally = Rc::new(Tally::default());
    LocalSet::new().block_on(&runtime, async {
        let end = Instant::now() + Duration::from_secs(seconds.parse().expect(USAGE));
        let soak = Soak { server: server.parse().expect(USAGE), end, seed: seed.parse().expect(USAGE) };
        soak.run(&tally).await;
    });
    tally.print();
    println!("errors: {}", tally.errors());
}

/// The settings of all clients.
#[derive(Clone, Copy)]
struct Soak {
    server: SocketAddr,
    /// No client connects after this time; connected clients finish.
    end: Instant,
    seed: u64,
}

impl Soak {
    async fn run(self, tally: &Rc<Tally>) {
        let mut clients = self.start_clients(tally);
        let mut second = interval(Duration::from_secs(1));
        let mut latest = Duration::ZERO;
        while Instant::now() < self.end + MOST_TO_FINISH {
            select! {
                left = clients.join_next() => match left {
                    Some(left) => left.expect("a client does not panic"),
                    None => {
                        println!("the clients themselves were late by {:.1} s at most", latest.as_secs_f64());
                        return;
                    }
                },
                due = second.tick() => {
                    latest = latest.max(due.elapsed());
                    println!("so far: {tally}");
                }
            }
        }
        tally.count_as_stuck();
    }

    /// Each client has its own task, because a runtime is fair between tasks but not inside one, where a flood would
    /// block the others.
    fn start_clients(self, tally: &Rc<Tally>) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for place in 0..CLIENTS {
            let tally = Rc::clone(tally);
            clients.spawn_local(async move { self.come_and_go(place, &tally).await });
        }
        clients
    }

    /// Runs one client after the other, all of one kind.
    async fn come_and_go(&self, place: usize, tally: &Tally) {
        let kind = Kind::of_place(place);
        for turn in 0.. {
            let mut random = Random::new(self.seed, place, turn);
            sleep(Duration::from_millis(random.below(PAUSE) as u64)).await;
            if Instant::now() >= self.end {
                return;
            }
            let counts = tally.of(kind);
            counts.connections.add(1);
            if let Err(failure) = self.client(kind, &mut random, counts).await {
                tally.complain(kind, &format_args!("place {place}, turn {turn}: {failure}"));
            }
        }
    }

    async fn client(&self, kind: Kind, random: &mut Random, counts: &Counts) -> Result<(), Failure> {
        match kind {
            Kind::Plain => plain::converse(self.server, random, counts).await,
            Kind::Fragmented | Kind::Compressed | Kind::Slow => {
                conversation::converse(self.server, kind, random, counts).await
            }
            Kind::Abrupt => abrupt::converse_and_vanish(self.server, random, counts).await,
            Kind::Knocking => abrupt::knock(self.server, random, counts).await,
        }
    }
}

/// `receive_buffer` limits the bytes that the kernel accepts while the client does not read.
async fn connect(server: SocketAddr, receive_buffer: Option<u32>) -> Result<TcpStream, Failure> {
    let socket = TcpSocket::new_v4()?;
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    let stream = patiently("a connection", socket.connect(server)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Fails after a time that is long enough for every wait of a client, even on a busy machine.
async fn patiently<T, E: Into<Failure>>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
    match timeout(PATIENCE, work).await {
        Ok(done) => done.map_err(|error| format!("{what}: {}", error.into()).into()),
        Err(_) => Err(format!("{what}: nothing for {} s", PATIENCE.as_secs()).into()),
    }
}

const CLIENTS: usize = 96;
/// The longest time between two clients, in milliseconds.
const PAUSE: usize = 250;
const PATIENCE: Duration = Duration::from_secs(60);
const MOST_TO_FINISH: Duration = Duration::from_secs(180);
const USAGE: &str = "ADDRESS SECONDS SEED";
