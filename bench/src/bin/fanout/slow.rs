//! Subscribers that stop reading, while messages come at a steady rate: what the others and the server's memory notice.

use std::time::{Duration, Instant};

use silverback_bench::Failure;

use crate::{
    messages::message,
    options::Options,
    server::Server,
    subscribers::{End, Subscribers},
    wire::push_frame,
};

/// Returns fields of the JSON object.
pub fn run(options: &Options, server: &Server, subscribers: &mut Subscribers) -> Result<Vec<String>, Failure> {
    let readers = options.subscribers - options.stopped;
    // Buffers grow to their size.
    steady(options, server, subscribers, readers, Duration::from_secs(1))?;
    let all_read = steady(options, server, subscribers, readers, options.duration)?;
    let resident = server.resident();
    subscribers.stop(options.stopped)?;
    let some_stopped = steady(options, server, subscribers, readers, options.duration * 2)?;
    let ended = subscribers.ended(readers);
    let ends = subscribers.resume(options.stopped)?;
    let after = server.resident();
    let ends: Vec<_> = ends.iter().map(|(end, count)| format!("\"{}\":{count}", word(*end))).collect();
    Ok(vec![
        format!("\"all_read\":{}", all_read.to_json()),
        format!("\"some_stopped\":{}", some_stopped.to_json()),
        format!("\"grown_bytes\":{}", some_stopped.peak.saturating_sub(resident)),
        format!("\"left_bytes\":{}", after.saturating_sub(resident)),
        format!("\"readers_ended\":{ended}"),
        format!("\"ends\":{{{}}}", ends.join(",")),
    ])
}

fn word(end: Option<End>) -> String {
    match end {
        None => "open".to_owned(),
        Some(End::Lost) => "lost".to_owned(),
        Some(End::Closed(code)) => code.to_string(),
    }
}

/// What the readers saw for some time.
struct Seen {
    messages: u64,
    missing: u64,
    /// From when a message was due until a reader had it, in microseconds.
    times: Vec<u32>,
    server: Duration,
    /// The most memory of the server.
    peak: u64,
}

/// Publishes messages when they are due. A message that is late is measured from when it was due.
fn steady(
    options: &Options,
    server: &Server,
    subscribers: &mut Subscribers,
    readers: usize,
    duration: Duration,
) -> Result<Seen, Failure> {
    let gap = Duration::from_secs(1) / options.rate;
    let messages = (duration.as_secs_f64() * f64::from(options.rate)) as u64;
    let (start, cpu) = (Instant::now() + gap, server.cpu());
    let mut seen = Seen { messages, missing: 0, times: Vec::new(), server: Duration::ZERO, peak: 0 };
    let (mut sent, mut first, mut last_look) = (0, None, Instant::now());
    let wanted = messages * readers as u64;
    while sent < messages || (seen.times.len() as u64) < wanted {
        let now = Instant::now();
        let due = start + gap * sent as u32;
        if sent == messages && now > start + duration + PATIENCE {
            break;
        }
        if sent < messages && now >= due {
            let number = subscribers.next_number();
            first = first.or(Some(number));
            let mut frames = Vec::new();
            let payload = options.protocol.publish(number, &message(number, options.size));
            push_frame(&mut frames, options.protocol.opcode(), &payload);
            subscribers.mark();
            subscribers.publish(&frames)?;
            sent += 1;
        }
        if now > last_look + LOOK {
            last_look = now;
            seen.peak = seen.peak.max(server.resident());
        }
        let wait = (start + gap * sent as u32).saturating_duration_since(Instant::now()).min(LOOK);
        subscribers.pump(wait, |place, number, at| {
            if place < readers && first.is_some_and(|first| number >= first) {
                let due = start + gap * (number - first.unwrap_or(0)) as u32;
                seen.times.push(at.saturating_duration_since(due).as_micros() as u32);
            }
        })?;
    }
    seen.peak = seen.peak.max(server.resident());
    seen.server = server.cpu() - cpu;
    seen.missing = wanted - seen.times.len() as u64;
    seen.times.sort_unstable();
    Ok(seen)
}

impl Seen {
    fn to_json(&self) -> String {
        let at = |part: f64| {
            self.times.get(((self.times.len() as f64 * part) as usize).min(self.times.len().saturating_sub(1)))
        };
        let milliseconds = |time: Option<&u32>| time.map_or(0.0, |time| f64::from(*time) / 1e3);
        format!(
            "{{\"messages\":{},\"missing\":{},\"p50_ms\":{:.3},\"p99_ms\":{:.3},\"max_ms\":{:.3},\"cpu_seconds\":{:.3}}}",
            self.messages,
            self.missing,
            milliseconds(at(0.5)),
            milliseconds(at(0.99)),
            milliseconds(self.times.last()),
            self.server.as_secs_f64(),
        )
    }
}

const LOOK: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);
