//! `cargo xtask hold`: as many connections as the descriptors allow, in one process of the program.

use std::thread;
use std::time::{Duration, Instant};

use clap::builder::RangedU64ValueParser;
use clap::{Args, value_parser};

use super::herd::{self, Herd};
use super::watch::Watched;
use crate::error::Error;
use crate::program::Service;
use crate::workspace::Workspace;

/// `cargo xtask hold`
#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Open this many connections.
    #[arg(long, value_name = "N", default_value = "19000", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) connections: usize,
    /// Run the program with this many threads.
    #[arg(long, value_name = "N", default_value = "1", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) threads: usize,
    /// Hold the connections for this many seconds without a message.
    #[arg(long, value_name = "S", default_value = "60", value_parser = value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
}

/// Opens the connections, holds them, sends from all at once and closes them. Prints the cost of each phase. `true` if no
/// connection was lost and the memory was freed.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<bool, Error> {
    let limit = herd::raise_descriptor_limit();
    let service = Service::start(workspace, "hold", &["--threads", &request.threads.to_string(), "--no-compression"])?;
    let watched = Watched::new(service.pid())?;
    println!("descriptors: the program may have {}, the clients {limit}", watched.descriptor_limit()?);
    let count = request.connections.min(usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(SPARE));
    println!("connections: {count}, threads of the program: {}", request.threads);
    let course = Course { watched, count, empty: 0, descriptors: 0 };
    let is_well = Course::run(course, service.address(), request)?;
    service.stop()?;
    Ok(is_well)
}

/// One run, and how the program was before it.
struct Course {
    watched: Watched,
    count: usize,
    empty: u64,
    descriptors: usize,
}

impl Course {
    fn run(mut self, server: std::net::SocketAddr, request: &Request) -> Result<bool, Error> {
        // The memory that the program allocates for its first connections and keeps must not count.
        Herd::open(server, WARM_UP)?.leave()?;
        thread::sleep(SETTLE);
        self.empty = self.watched.resident()?;
        self.descriptors = self.watched.descriptors()?;
        println!("before: {:.1} MB resident", megabytes(self.empty));
        let mut herd = self.open(server)?;
        self.echo(&mut herd, 16)?;
        self.echo(&mut herd, 4096)?;
        let idle = self.idle(&mut herd, Duration::from_secs(request.seconds))?;
        let has_returned = self.leave(herd)?;
        Ok(idle.lost == 0 && has_returned)
    }

    fn open(&self, server: std::net::SocketAddr) -> Result<Herd, Error> {
        let (start, cpu) = (Instant::now(), self.watched.cpu()?);
        let herd = Herd::open(server, self.count)?;
        let (took, cpu) = (start.elapsed(), self.watched.cpu()? - cpu);
        println!(
            "accepted in {:.2} s ({:.0} a second), {:.1} µs of the program's CPU each",
            took.as_secs_f64(),
            self.count as f64 / took.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / self.count as f64
        );
        thread::sleep(SETTLE);
        self.tell_resident("open, without traffic")?;
        Ok(herd)
    }

    fn echo(&self, herd: &mut Herd, size: usize) -> Result<(), Error> {
        self.watched.forget_peak()?;
        let cpu = self.watched.cpu()?;
        let took = herd.echo_at_once(&vec![b'x'; size])?;
        println!(
            "all send {size} B at once: answered after {:.2} s, {:.1} µs of CPU each, peak {:.1} MB",
            took.as_secs_f64(),
            (self.watched.cpu()? - cpu).as_secs_f64() * 1e6 / self.count as f64,
            megabytes(self.watched.peak()?)
        );
        thread::sleep(SETTLE);
        self.tell_resident("  after it")
    }

    fn idle(&self, herd: &mut Herd, time: Duration) -> Result<herd::Idle, Error> {
        let cpu = self.watched.cpu()?;
        let idle = herd.idle(time)?;
        let cpu = (self.watched.cpu()? - cpu).as_secs_f64();
        println!(
            "idle for {} s: {} pings, {} lost, {:.1} ms of CPU for 1,000 connections a minute",
            time.as_secs(),
            idle.pings,
            idle.lost,
            cpu * 1e3 / (self.count as f64 / 1e3) / (time.as_secs_f64() / 60.0)
        );
        self.tell_resident("  after it")?;
        Ok(idle)
    }

    fn leave(&self, herd: Herd) -> Result<bool, Error> {
        let held = self.watched.resident()?.saturating_sub(self.empty);
        let start = Instant::now();
        herd.leave()?;
        while self.watched.descriptors()? > self.descriptors {
            if start.elapsed() > PATIENCE {
                return Err(Error::Failed("the program keeps descriptors of connections that have gone".to_owned()));
            }
            thread::sleep(Duration::from_millis(10));
        }
        let took = start.elapsed();
        thread::sleep(SETTLE);
        let kept = self.watched.resident()?.saturating_sub(self.empty);
        println!(
            "all left within {:.2} s: {:.1} of {:.1} MB kept, no descriptor",
            took.as_secs_f64(),
            megabytes(kept),
            megabytes(held)
        );
        Ok(kept <= held / 4)
    }

    fn tell_resident(&self, when: &str) -> Result<(), Error> {
        let resident = self.watched.resident()?;
        let each = resident.saturating_sub(self.empty) as f64 / self.count as f64;
        println!("{when}: {:.1} MB resident, {each:.0} B for each connection", megabytes(resident));
        Ok(())
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Descriptors that are not connections.
const SPARE: usize = 100;
const WARM_UP: usize = 64;
const SETTLE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);
