//! `cargo xtask soak`: every kind of client at once, for minutes, and the program watched from outside meanwhile.
//! The clients are a program of their own, `bench/src/bin/soak`.

mod clients;
mod findings;

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, value_parser};

use self::clients::Clients;
use self::findings::{Findings, Growth};
use super::watch::Watched;
use crate::error::{Error, OrFailed as _};
use crate::program::Service;
use crate::workspace::Workspace;

/// `cargo xtask soak`
#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Keep the clients running for this many minutes.
    #[arg(long, value_name = "M", default_value = "10", value_parser = value_parser!(u64).range(1..))]
    pub(crate) minutes: u64,
}

/// Warms the program up, soaks it, and prints the findings. `true` if all failures were provoked, the memory did not grow,
/// and no descriptor was kept. `findings` has the limits.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<bool, Error> {
    let clients = Clients::build(workspace)?;
    let service = Service::start(workspace, "soak", &PATIENT)?;
    let watched = Watched::new(service.pid())?;
    // The connection of the readiness check must have ended.
    thread::sleep(SETTLE);
    let descriptors = watched.descriptors()?;
    let log = workspace.log("silverback-soak");
    let course = Course { clients, watched, descriptors, service: &service, log };
    let complaints = course.run(request.minutes)?.complaints();
    complaints.iter().for_each(|complaint| println!("FAILED: {complaint}"));
    service.stop()?;
    Ok(complaints.is_empty())
}

/// One run.
struct Course<'a> {
    clients: Clients,
    watched: Watched,
    service: &'a Service,
    /// The program's descriptors before the first client.
    descriptors: usize,
    /// The log of the program's output.
    log: PathBuf,
}

impl Course<'_> {
    fn run(self, minutes: u64) -> Result<Findings, Error> {
        println!("before: {:.1} MB resident, {} descriptors", megabytes(self.watched.resident()?), self.descriptors);
        let (warm_up_errors, samples) = self.soak(WARM_UP, 1)?;
        println!("warm-up: {:.1} MB resident at its end", megabytes(samples.last().copied().unwrap_or_default()));
        let before = self.ebb()?;
        self.watched.forget_peak()?;
        let cpu = self.watched.cpu()?;
        let (errors, samples) = self.soak(Duration::from_secs(minutes * 60), 2)?;
        let under_load = Growth::between_quarters(&samples).or_failed("too few samples")?;
        println!(
            "resident: {:.1} MB in the second quarter, {:.1} MB in the last (medians), peak {:.1} MB; {:.1} s of CPU",
            megabytes(under_load.before),
            megabytes(under_load.after),
            megabytes(self.watched.peak()?),
            (self.watched.cpu()? - cpu).as_secs_f64()
        );
        let when_empty = Growth { before, after: self.ebb()? };
        let kept_descriptors = self.watched.descriptors()?.saturating_sub(self.descriptors);
        Ok(Findings { errors: warm_up_errors + errors, under_load, when_empty, kept_descriptors, said: self.said()? })
    }

    /// Lets the clients loose. How many errors they found, and the memory in use, second by second.
    fn soak(&self, time: Duration, seed: u64) -> Result<(u64, Vec<u64>), Error> {
        let mut samples = Vec::new();
        let errors = self.clients.run(self.service.address(), time, seed, |so_far| {
            if samples.len() as u64 == time.as_secs() {
                // No new client connects, but some are still busy.
                return Ok(());
            }
            samples.push(self.watched.resident()?);
            if samples.len() % 60 == 0 {
                self.tell(samples.len() / 60, so_far)?;
            }
            Ok(())
        })?;
        Ok((errors, samples))
    }

    fn tell(&self, minute: usize, so_far: &str) -> Result<(), Error> {
        let resident = megabytes(self.watched.resident()?);
        println!("minute {minute}: {so_far}, {resident:.1} MB resident, {} descriptors", self.watched.descriptors()?);
        Ok(())
    }

    /// Waits until the program has closed what its clients have left. How much memory it keeps then.
    fn ebb(&self) -> Result<u64, Error> {
        let start = Instant::now();
        while self.watched.descriptors()? > self.descriptors && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        let took = start.elapsed().as_secs_f64();
        thread::sleep(SETTLE);
        let (resident, descriptors) = (self.watched.resident()?, self.watched.descriptors()?);
        println!("all left within {took:.2} s: {:.1} MB resident, {descriptors} descriptors", megabytes(resident));
        Ok(resident)
    }

    /// The program's output after its greeting.
    fn said(&self) -> Result<String, Error> {
        let text = fs::read_to_string(&self.log).or_failed("the program's log")?;
        let lines = text.lines().filter(|line| !GREETING.iter().any(|beginning| line.starts_with(beginning)));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// On a machine that is too busy for a while, clients would be given up that did nothing wrong.
const PATIENT: [&str; 4] = ["--handshake-timeout", "60s", "--close-timeout", "60s"];
/// How its two lines begin.
const GREETING: [&str; 2] = ["silverback ", "Open http://"];
/// After this time every thread of the program has filled its caches.
const WARM_UP: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);
