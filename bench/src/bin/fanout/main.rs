//! The load of `cargo xtask fanout`: many subscribers of one topic and one publisher, on one thread. It measures the time
//! until every subscriber has a message, and the CPU time and the memory of the server's processes.
//!
//! It speaks several protocols over WebSocket, but reads only as much of them as it must: every message carries a marker
//! with its number, and the subscribers look for markers. They check that each number follows the one before it.

mod load;
mod messages;
mod options;
mod protocol;
mod server;
mod slow;
mod subscribers;
mod wire;

use std::{thread, time::Duration};

use silverback_bench::Failure;

use self::{load::Phase, options::Options, server::Server, subscribers::Subscribers};

fn main() -> Result<(), Failure> {
    let options = Options::parse()?;
    let server = Server::new(options.pid);
    // The memory that the server allocates for its first connections and keeps must not count.
    drop(Subscribers::open(&options, WARM_UP)?);
    thread::sleep(SETTLE);
    let before = server.resident();
    let mut subscribers = Subscribers::open(&options, options.subscribers)?;
    subscribers.pump_for(SETTLE)?;
    let idle = server.resident().saturating_sub(before) as f64 / options.subscribers as f64;
    let mut fields = vec![format!("\"idle_bytes\":{idle:.0}")];
    if options.stopped > 0 {
        fields.extend(slow::run(&options, &server, &mut subscribers)?);
    } else {
        for (name, burst) in [("single", 1), ("burst", BURST)] {
            // The first messages find cold caches and buffers that have not grown.
            let phase = Phase::run(&options, &server, &mut subscribers, burst, Duration::ZERO)
                .and_then(|_| Phase::run(&options, &server, &mut subscribers, burst, options.duration));
            match phase {
                Ok(phase) => fields.push(format!("\"{name}\":{}", phase.to_json())),
                Err(error) => {
                    fields.push(format!("\"{name}_failed\":\"{error}\""));
                    break;
                }
            }
        }
        subscribers.pump_for(SETTLE)?;
        let used = server.resident().saturating_sub(before) as f64 / options.subscribers as f64;
        fields.push(format!("\"used_bytes\":{used:.0}"));
    }
    fields.push(format!("\"faults\":{}", subscribers.faults()));
    println!("{{{}}}", fields.join(","));
    Ok(())
}

const WARM_UP: usize = 32;
const SETTLE: Duration = Duration::from_millis(700);
/// Messages that the publisher sends in one write.
const BURST: u64 = 20;
