//! When to stop: after how many messages, which one, or how long a silence. No clock is read here.

use std::time::{Duration, Instant};

use regex::bytes::Regex;

use super::args::Patience;

/// What the user said about the end.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) wait: Option<Patience>,
    pub(crate) count: Option<u64>,
    pub(crate) until: Option<Regex>,
}

/// What has happened so far, over all connections.
#[derive(Debug)]
pub(crate) struct Waiting {
    rule: Rule,
    sent: u64,
    received: u64,
    /// Of what was received, what came after the first of ours: a greeting is no answer.
    answers: u64,
    /// Whether something has come since the last of ours left.
    last_is_answered: bool,
    has_matched: bool,
    /// Since when nothing has happened, once there is no more input.
    quiet_since: Option<Instant>,
}

/// What a silence means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// There was nothing more to wait for.
    Enough,
    /// What was waited for did not come.
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

    /// So many of them were not sent after all.
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

    /// Whether what was waited for has not come: the messages of `--count`, the one of `--until`.
    pub(crate) fn misses_something(&self) -> bool {
        let is_matched = self.rule.until.is_none() || self.has_matched;
        let is_counted = self.rule.count.is_none_or(|count| self.received >= count);
        // Either of them ends the wait.
        match (&self.rule.until, self.rule.count) {
            (Some(_), Some(_)) => !is_matched && !is_counted,
            _ => !is_matched || !is_counted,
        }
    }

    /// When the silence will have lasted long enough.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.quiet_since?.checked_add(self.patience()?)
    }

    /// The deadline has passed.
    pub(crate) fn judge(&self) -> Silence {
        let has_no_answer = self.sent > 0 && self.answers == 0;
        match self.patience() {
            // Who does not wait wants no answer.
            Some(Duration::ZERO) if !self.misses_something() => Silence::Enough,
            Some(patience) if has_no_answer || self.misses_something() => Silence::TooLong(patience),
            _ => Silence::Enough,
        }
    }

    fn patience(&self) -> Option<Duration> {
        match self.rule.wait {
            Some(Patience(said)) => said,
            None if !self.has_answers() || self.misses_something() => Some(FOR_AN_ANSWER),
            None => Some(AFTER_THE_LAST),
        }
    }

    /// Whether what came can be the answer to all that was sent.
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
