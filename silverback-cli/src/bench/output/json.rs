//! The outcome as one JSON object. Names are stable; `docs/bench.md` lists them. Times are in microseconds.

use serde_json::{Map, Value, json};
use silverback::MessageKind;

use super::units::PERCENTILES;
use crate::{
    bench::{
        engine::{
            counts::Times,
            fault::{Cause, Fault, Faults},
            load::{Pace, Task, Until},
            outcome::{Outcome, Sample},
            script::Sizes,
            server_process::ServerUse,
        },
        plan::Plan,
    },
    dialing::{options::version_name, shown::shown_url},
};

/// One line.
pub(super) fn text(plan: &Plan, outcome: &Outcome) -> String {
    format!("{}\n", value(plan, outcome))
}

pub(super) fn value(plan: &Plan, outcome: &Outcome) -> Value {
    let counts = &outcome.counts;
    let in_time = outcome.in_time;
    let seconds = outcome.measured.as_secs_f64();
    json!({
        "silverback": env!("CARGO_PKG_VERSION"),
        "format": FORMAT,
        "settings": settings(plan),
        "interrupted": outcome.is_interrupted,
        "seconds": seconds,
        "connections": {
            "opened": outcome.opened,
            "lost": outcome.lost,
            "opening_seconds": outcome.opening.as_secs_f64(),
        },
        "handshakes": in_time.opened * u64::from(outcome.is_about_handshakes),
        "messages": {
            "sent": counts.sent,
            "received": counts.received,
            "received_in_time": in_time.received,
            "unanswered": counts.unanswered,
            "unasked": counts.unasked,
            "incomplete": counts.incomplete,
            "planned": outcome.planned,
            "unsent": outcome.unsent,
        },
        "bytes": {
            "sent": counts.bytes_sent,
            "received": counts.bytes_received,
            "wire_sent": counts.wire_sent,
            "wire_received": counts.wire_received,
            "wire_received_per_message": per(counts.wire_received as f64, counts.wire_messages),
        },
        "rates": {
            "sent_per_second": outcome.per_second(in_time.sent),
            "received_per_second": outcome.per_second(in_time.received),
            "bytes_sent_per_second": outcome.per_second(in_time.bytes_sent),
            "bytes_received_per_second": outcome.per_second(in_time.bytes_received),
            "handshakes_per_second":
                if outcome.is_about_handshakes { outcome.per_second(in_time.opened) } else { 0.0 },
        },
        "connect_us": times(&counts.connects),
        "round_trip_us": times(&counts.round_trips),
        "uncorrected_us": times(&counts.uncorrected),
        "send_delay_us": times(&counts.delays),
        "fan_out_us": times(&counts.fan_outs),
        "errors": errors(&outcome.faults),
        "errors_total": outcome.faults.total(),
        "generator": {
            "cpu_seconds": outcome.cpu.map(|cpu| cpu.as_secs_f64()),
            "cpu_share": outcome.cpu.map(|cpu| cpu.as_secs_f64() / seconds.max(1e-9) / plan.load.threads as f64),
        },
        "server": outcome.server.map(|server| server_use(outcome, server)),
        "fail_if": plan.fail_if.iter().filter(|it| it.is_met(outcome)).map(ToString::to_string).collect::<Vec<_>>(),
        "series": outcome.series.iter().map(sample).collect::<Vec<_>>(),
    })
}

/// For each answer, or handshake.
fn server_use(outcome: &Outcome, server: ServerUse) -> Value {
    json!({
        "cpu_seconds": server.cpu.as_secs_f64(),
        "cpu_us_each": per(server.cpu.as_secs_f64() * 1e6, outcome.done_in_time()),
        "resident_before": server.resident_before,
        "resident_after": server.resident_after,
    })
}

/// `None` of nothing.
fn per(sum: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

fn settings(plan: &Plan) -> Value {
    let load = &plan.load;
    let mode = match load.task {
        Task::Echo(_) => "echo",
        Task::Broadcast { .. } => "broadcast",
        Task::Handshakes => "handshakes",
        Task::Hold { .. } => "hold",
    };
    let senders = match load.task {
        Task::Broadcast { senders, .. } => Some(senders),
        _ => None,
    };
    let pipeline = match load.task.pace() {
        Some(Pace::Closed { pipeline }) => Some(pipeline),
        _ => None,
    };
    let (duration, messages) = match load.until {
        Until::Elapsed(time) => (Some(time.as_secs_f64()), None),
        Until::Done(count) => (None, Some(count)),
    };
    json!({
        "url": shown_url(&load.target.url),
        "mode": mode,
        "http_version": version_name(load.target.version),
        "streams": load.target.streams,
        "connections": load.connections,
        "threads": load.threads,
        "pipeline": pipeline,
        "rate": load.task.rate(),
        "senders": senders,
        "ramp": load.ramp,
        "duration_seconds": duration,
        "messages": messages,
        "warmup_seconds": load.warmup.as_secs_f64(),
        "sizes": match &plan.settings.sizes {
            Sizes::Listed(sizes) => json!(sizes),
            Sizes::Between(from, to) => json!({ "from": from, "to": to }),
        },
        "kind": match plan.settings.kind {
            MessageKind::Text => "text",
            MessageKind::Binary => "binary",
        },
        "payload": format!("{:?}", plan.settings.filling).to_lowercase(),
        "compress": plan.settings.compresses,
        "verify": load.verifies,
        "raw_tcp": load.raw.is_some(),
        "sources": load.sources,
        "timeout_seconds": load.timeout.as_secs_f64(),
    })
}

/// `null` where nothing was measured.
fn times(times: &Times) -> Value {
    let Some(recorded) = times.recorded() else { return Value::Null };
    let mut fields = Map::new();
    fields.insert("count".to_owned(), json!(recorded.len()));
    fields.insert("min".to_owned(), micros(recorded.min()));
    fields.insert("mean".to_owned(), json!(recorded.mean() / 1e3));
    for (name, part) in PERCENTILES {
        fields.insert(name.to_owned(), micros(recorded.value_at_quantile(part)));
    }
    fields.insert("max".to_owned(), micros(recorded.max()));
    Value::Object(fields)
}

fn errors(faults: &Faults) -> Value {
    let field = |(cause, fault): (Cause, &Fault)| {
        (cause.to_string(), json!({ "count": fault.count, "example": fault.example }))
    };
    Value::Object(faults.iter().map(field).collect())
}

fn sample(sample: &Sample) -> Value {
    json!({
        "at": sample.at,
        "seconds": sample.seconds,
        "sent": sample.sent,
        "received": sample.received,
        "p50_us": sample.p50.map(micros),
        "p99_us": sample.p99.map(micros),
        "max_us": sample.max.map(micros),
        "errors": sample.faults,
    })
}

fn micros(nanos: u64) -> Value {
    json!(nanos as f64 / 1e3)
}

/// Raised when a name changes or goes; new names leave it as it is.
const FORMAT: u32 = 1;

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
