//! When to stop: after how many messages, which one, or how long a silence. No clock is read here.

use std::time::{Duration, Instant};

use regex::bytes::Regex;

use crate::{printable::printable, values::TimeOrOff};

/// The conditions for the end that the user gave.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) wait: Option<TimeOrOff>,
    pub(crate) count: Option<u64>,
    pub(crate) until: Option<Regex>,
    /// How many messages the recording has received, with `--expect`.
    pub(crate) expected: Option<u64>,
}

/// The events so far, over all connections.
#[derive(Debug)]
pub(crate) struct Waiting {
    rule: Rule,
    sent: u64,
    received: u64,
    /// The messages received after the first sent one. Earlier messages are a greeting, not an answer.
    answers: u64,
    /// Whether something has come since the last of ours left.
    last_is_answered: bool,
    has_matched: bool,
    /// Since when nothing has happened, once there is no more input.
    quiet_since: Option<Instant>,
}

/// The meaning of a silence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// All that was asked for has come, so the talk is over.
    Enough,
    /// `--count` or `--until` asked for messages that did not come within this time.
    TooLong(Duration),
}

impl Waiting {
    pub(crate) fn new(rule: Rule) -> Self {
        Self { rule, sent: 0, received: 0, answers: 0, last_is_answered: false, has_matched: false, quiet_since: None }
    }

    /// A message was accepted for sending.
    pub(crate) fn note_sent(&mut self) {
        self.sent += 1;
        self.last_is_answered = false;
    }

    /// Records that `count` of the messages were not sent after all.
    pub(crate) fn note_unsent(&mut self, count: usize) {
        self.sent = self.sent.saturating_sub(count as u64);
    }

    /// A message has come; says whether it was the last one that was waited for.
    pub(crate) fn note_received(&mut self, payload: &[u8], now: Instant) -> bool {
        self.received += 1;
        self.answers += u64::from(self.sent > 0);
        self.last_is_answered = self.sent > 0 && self.quiet_since.is_some();
        self.has_matched |= self.rule.until.as_ref().is_some_and(|regex| regex.is_match(payload));
        self.quiet_since = self.quiet_since.map(|_| now);
        self.has_matched || (self.received > 0 && self.rule.count.is_some_and(|count| self.received == count))
    }

    /// Everything was sent, and nothing more will be; says whether no answer is wanted.
    pub(crate) fn note_input_ended(&mut self, now: Instant) -> bool {
        self.quiet_since = Some(now);
        self.last_is_answered = false;
        self.rule.count == Some(0)
    }

    /// Names which of `--count`, `--until` and `--expect` is not met yet. `None` if none is given. One of `--count` and
    /// `--until` is enough, and `--expect` comes alone.
    pub(crate) fn missing(&self) -> Option<String> {
        if let Some(expected) = self.rule.expected {
            let text = || format!("received {} of the {expected} messages in the recording (--expect)", self.received);
            return (self.received < expected).then(text);
        }
        let uncounted = self.rule.count.map(|count| {
            (self.received < count).then(|| format!("received {} of {count} messages (--count)", self.received))
        });
        let unmatched = self.rule.until.as_ref().map(|regex| {
            (!self.has_matched).then(|| format!("no message matched --until `{}`", printable(regex.as_str())))
        });
        match (uncounted, unmatched) {
            // Either of them ends the wait.
            (Some(uncounted), Some(unmatched)) => Some(format!("{}, and {}", uncounted?, unmatched?)),
            (one, other) => one.or(other)?,
        }
    }

    /// When the silence will have lasted long enough.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.quiet_since?.checked_add(self.patience()?)
    }

    /// The deadline has passed.
    pub(crate) fn judge(&self) -> Silence {
        match self.patience() {
            Some(patience) if self.missing().is_some() => Silence::TooLong(patience),
            // A server that takes messages and never replies has done nothing wrong.
            _ => Silence::Enough,
        }
    }

    fn patience(&self) -> Option<Duration> {
        match self.rule.wait {
            Some(TimeOrOff(said)) => said,
            None if self.missing().is_some() => Some(FOR_AN_ANSWER),
            // The recording knows how many answers there are.
            None if !self.has_answers() && self.rule.expected.is_none() => Some(FOR_AN_ANSWER),
            None => Some(AFTER_THE_LAST),
        }
    }

    /// Whether the received messages can be the answers to everything sent.
    fn has_answers(&self) -> bool {
        self.last_is_answered || self.answers >= self.sent
    }
}

/// Longer than a server that works hard takes, and shorter than a person waits.
const FOR_AN_ANSWER: Duration = Duration::from_secs(10);
const AFTER_THE_LAST: Duration = Duration::from_secs(1);

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
