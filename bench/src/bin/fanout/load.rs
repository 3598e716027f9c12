//! Messages or bursts one after another: the next is published when every subscriber has the one before.

use std::time::{Duration, Instant};

use silverback_bench::Failure;

use crate::{
    messages::message,
    options::Options,
    server::{Server, own_cpu},
    subscribers::Subscribers,
    wire::push_frame,
};

/// What one kind of load showed.
pub struct Phase {
    burst: u64,
    deliveries: u64,
    /// What the subscribers received, with the headers of frames and of the protocol.
    bytes: u64,
    server: Duration,
    own: Duration,
    /// From publishing until the last subscriber had all, for each burst.
    last: Vec<Duration>,
}

impl Phase {
    /// Publishes bursts while `duration` lasts. A slow server gets some more time, so that there are a few.
    pub fn run(
        options: &Options,
        server: &Server,
        subscribers: &mut Subscribers,
        burst: u64,
        duration: Duration,
    ) -> Result<Self, Failure> {
        let mut phase =
            Self { burst, deliveries: 0, bytes: 0, server: Duration::ZERO, own: Duration::ZERO, last: Vec::new() };
        let start = Instant::now();
        let goes_on = |bursts: usize| {
            let elapsed = start.elapsed();
            bursts == 0 || elapsed < duration || (bursts < LEAST && elapsed < duration * LONGER)
        };
        while goes_on(phase.last.len()) {
            let mut frames = Vec::new();
            for _ in 0..burst {
                let number = subscribers.next_number();
                let payload = options.protocol.publish(number, &message(number, options.size));
                push_frame(&mut frames, options.protocol.opcode(), &payload);
            }
            subscribers.mark();
            let before = (server.cpu(), own_cpu(), subscribers.received());
            let wanted = burst * options.subscribers as u64;
            let (mut got, published) = (0, Instant::now());
            let mut newest = published;
            subscribers.publish(&frames)?;
            while got < wanted {
                subscribers.pump(PATIENCE, |_, _, at| (got, newest) = (got + 1, at))?;
                if newest.elapsed() > PATIENCE {
                    return Err(format!("{got} of {wanted} deliveries, then none for {PATIENCE:?}").into());
                }
            }
            phase.last.push(newest - published);
            // The server may have something left to do that belongs to this burst.
            subscribers.pump_for(PAUSE)?;
            phase.deliveries += got;
            phase.bytes += subscribers.received() - before.2;
            phase.server += server.cpu() - before.0;
            phase.own += own_cpu() - before.1;
        }
        phase.last.sort_unstable();
        Ok(phase)
    }

    pub fn to_json(&self) -> String {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.deliveries as f64;
        let milliseconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64) * 1e3;
        format!(
            "{{\"bursts\":{},\"messages\":{},\"deliveries\":{},\"bytes\":{:.1},\"cpu_us\":{:.3},\"own_cpu_us\":{:.3},\"last_ms\":{:.3},\
             \"last_least_ms\":{:.3},\"last_most_ms\":{:.3}}}",
            self.last.len(),
            self.last.len() as u64 * self.burst,
            self.deliveries,
            self.bytes as f64 / self.deliveries as f64,
            each(self.server),
            each(self.own),
            milliseconds(self.last.get(self.last.len() / 2)),
            milliseconds(self.last.first()),
            milliseconds(self.last.last()),
        )
    }
}

/// Bursts, if they fit into the duration `LONGER` times.
const LEAST: usize = 3;
const LONGER: u32 = 4;
const PAUSE: Duration = Duration::from_millis(3);
const PATIENCE: Duration = Duration::from_secs(15);
