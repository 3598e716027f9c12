//! Conditions of `--fail-if`: a metric, an operator and a value.

use std::{fmt, str::FromStr};

use super::{
    engine::{counts::Times, outcome::Outcome},
    output::units::duration,
    quantity,
};

/// A condition of `--fail-if`: if it holds, the command fails.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    metric: Metric,
    operator: Operator,
    /// Nanoseconds, where the metric is a time.
    value: f64,
    /// As it was written.
    text: String,
}

/// The figure that a condition compares.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Metric {
    Time { of: Measured, figure: Figure },
    Errors,
    Rate,
    Sent,
    Received,
    Unsent,
    Unanswered,
    Incomplete,
}

/// Which histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measured {
    RoundTrip,
    Uncorrected,
    Connect,
    Delay,
    FanOut,
}

/// Which figure of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Figure {
    Percentile(f64),
    Min,
    Max,
    Mean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Whether it is so. A time that was never measured is as bad as it can be.
    pub(crate) fn is_met(&self, outcome: &Outcome) -> bool {
        let Some(found) = self.metric.of(outcome) else { return true };
        match self.operator {
            Operator::Less => found < self.value,
            Operator::LessOrEqual => found <= self.value,
            Operator::Greater => found > self.value,
            Operator::GreaterOrEqual => found >= self.value,
        }
    }

    /// Words the measured value.
    pub(crate) fn found(&self, outcome: &Outcome) -> String {
        match (self.metric, self.metric.of(outcome)) {
            (_, None) => "nothing was measured".to_owned(),
            (Metric::Time { .. }, Some(nanos)) => duration(nanos as u64),
            (Metric::Rate, Some(rate)) => format!("{rate:.1} per second"),
            (_, Some(count)) => format!("{count}"),
        }
    }
}

impl Metric {
    fn of(self, outcome: &Outcome) -> Option<f64> {
        let counts = &outcome.counts;
        Some(match self {
            Self::Time { of, figure } => {
                let times = match of {
                    Measured::RoundTrip => &counts.round_trips,
                    // In a closed model nothing is late, and nothing is to be corrected.
                    Measured::Uncorrected if outcome.planned.is_none() => &counts.round_trips,
                    Measured::Uncorrected => &counts.uncorrected,
                    Measured::Connect => &counts.connects,
                    Measured::Delay => &counts.delays,
                    Measured::FanOut => &counts.fan_outs,
                };
                return figure.of(times);
            }
            Self::Errors => outcome.faults.total() as f64,
            Self::Rate => outcome.rate(),
            Self::Sent => counts.sent as f64,
            Self::Received => counts.received as f64,
            Self::Unsent => outcome.unsent.unwrap_or(0) as f64,
            Self::Unanswered => counts.unanswered as f64,
            Self::Incomplete => counts.incomplete as f64,
        })
    }
}

impl Figure {
    fn of(self, times: &Times) -> Option<f64> {
        let recorded = times.recorded()?;
        Some(match self {
            Self::Percentile(percent) => recorded.value_at_quantile(percent / 100.0) as f64,
            Self::Min => recorded.min() as f64,
            Self::Max => recorded.max() as f64,
            Self::Mean => recorded.mean(),
        })
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let place = text.find(['<', '>']).ok_or(FORM)?;
        let (metric, rest) = text.split_at(place);
        let (operator, value) = match rest.as_bytes() {
            [b'<', b'=', ..] => (Operator::LessOrEqual, &rest[2..]),
            [b'>', b'=', ..] => (Operator::GreaterOrEqual, &rest[2..]),
            [b'<', ..] => (Operator::Less, &rest[1..]),
            _ => (Operator::Greater, &rest[1..]),
        };
        let metric: Metric = metric.trim().parse()?;
        let value = value.trim();
        let value = match metric {
            Metric::Time { .. } => quantity::nanos(value).ok_or("a time needs a unit: 5ms, 250us, 1.5s")?,
            _ => quantity::number(value.strip_suffix("/s").unwrap_or(value)).ok_or(FORM)?,
        };
        Ok(Self { metric, operator, value, text: text.to_owned() })
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (of, figure) = match text.split_once('.') {
            Some(("connect", figure)) => (Measured::Connect, figure),
            Some(("uncorrected", figure)) => (Measured::Uncorrected, figure),
            Some(("delay", figure)) => (Measured::Delay, figure),
            Some(("fanout", figure)) => (Measured::FanOut, figure),
            // The point of `p99.9` parts nothing.
            _ => (Measured::RoundTrip, text),
        };
        if let Some(figure) = figure_of(figure) {
            return Ok(Self::Time { of, figure });
        }
        Ok(match text {
            "errors" => Self::Errors,
            "rate" | "messages/s" | "handshakes/s" => Self::Rate,
            "sent" => Self::Sent,
            "received" => Self::Received,
            "unsent" => Self::Unsent,
            "unanswered" => Self::Unanswered,
            "incomplete" => Self::Incomplete,
            _ => return Err(format!("unknown metric {text}: see silverback bench --help")),
        })
    }
}

fn figure_of(text: &str) -> Option<Figure> {
    match text {
        "min" => Some(Figure::Min),
        "max" => Some(Figure::Max),
        "mean" => Some(Figure::Mean),
        _ => {
            let percent = quantity::number(text.strip_prefix('p')?)?;
            (percent > 0.0 && percent <= 100.0).then_some(Figure::Percentile(percent))
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const FORM: &str = "must look like p99>5ms, errors>0 or rate<1000";

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
