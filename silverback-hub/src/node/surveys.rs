//! Questions to all nodes.
//!
//! A node cannot ask its engine which nodes there are, so each says hello every 10 s. A question is answered when all
//! that were heard of in the last 30 s have answered, or when its time is up.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::timeout_at;

use super::{
    control::{Control, Part, Question},
    routing::Node,
};
use crate::{
    clock,
    model::{
        error::EngineError,
        glob,
        name::TopicName,
        survey::{NodeReport, Nodes, Topics},
    },
};

impl Node {
    /// Asks all nodes. `take` gets each part of an answer. Returns how many nodes did not answer in time.
    async fn survey(&self, question: Question, mut take: impl FnMut(u64, Part)) -> Result<usize, EngineError> {
        let deadline = tokio::time::Instant::now() + ANSWER_TIME;
        let mut asking = self.asked.begin();
        let ask = Control::Ask { node: self.id, number: asking.number, question };
        self.call(self.engine.control(ask.encode())).await?;
        let mut silent = self.asked.nodes();
        if !silent.contains(&self.id) {
            silent.push(self.id);
        }
        while !silent.is_empty() {
            let Ok(Some((node, part))) = timeout_at(deadline, asking.answers.recv()).await else { break };
            if part.is_last() {
                silent.retain(|one| *one != node);
            }
            take(node, part);
        }
        Ok(silent.len())
    }

    pub(crate) async fn survey_nodes(&self) -> Result<Nodes, EngineError> {
        let mut nodes = BTreeMap::new();
        let take = |node, part| {
            if let Part::Report(report) = part {
                nodes.insert(node, report);
            }
        };
        let silent = self.survey(Question::Report, take).await?;
        Ok(Nodes { nodes: nodes.into_values().collect(), silent })
    }

    pub(crate) async fn survey_topics(&self, pattern: &str, limit: usize) -> Result<Topics, EngineError> {
        let limit = limit.min(MAX_TOPICS);
        let mut all = Topics::default();
        let take = |_, part| {
            let Part::Topics { topics, is_cut, .. } = part else { return };
            all.is_cut |= is_cut;
            for (name, count) in topics {
                if all.topics.len() >= limit && !all.topics.contains_key(&name) {
                    all.is_cut = true;
                } else {
                    let sum = all.topics.entry(name).or_insert(0);
                    *sum = sum.saturating_add(count);
                }
            }
        };
        let question = Question::Topics { limit: limit as u32, pattern: pattern.to_owned() };
        let silent = self.survey(question, take).await?;
        all.silent = silent;
        Ok(all)
    }

    /// Answers a question of a node.
    pub(crate) async fn answer(&self, asker: u64, number: u64, question: Question) {
        let parts = match question {
            Question::Report => vec![Part::Report(self.report())],
            Question::Topics { limit, pattern } => self.topic_parts(limit as usize, &pattern),
        };
        for part in parts {
            let answer = Control::Answer { asker, number, node: self.id, part };
            if let Err(error) = self.call(self.engine.control(answer.encode())).await {
                tracing::debug!(name: "answer_failed", target: "silverback::hub", %error, "a question of a node was not answered");
                return;
            }
        }
    }

    fn report(&self) -> NodeReport {
        NodeReport {
            node: self.id,
            name: self.name.clone(),
            uptime: clock::now().saturating_duration_since(self.begun),
            users: self.users(),
            counters: self.counting.snapshot(),
        }
    }

    fn topic_parts(&self, limit: usize, pattern: &str) -> Vec<Part> {
        let found =
            self.topics_with_members(limit.min(MAX_TOPICS), |name| pattern.is_empty() || glob::matches(pattern, name));
        let (topics, is_cut): (Vec<(TopicName, u64)>, bool) = found;
        let mut parts: Vec<_> = topics
            .chunks(TOPICS_PER_PART)
            .map(|some| Part::Topics { topics: some.to_vec(), is_last: false, is_cut })
            .collect();
        match parts.last_mut() {
            Some(Part::Topics { is_last, .. }) => *is_last = true,
            _ => parts.push(Part::Topics { topics: Vec::new(), is_last: true, is_cut }),
        }
        parts
    }

    /// Tells all nodes that this one lives.
    pub(crate) async fn say_hello(&self) {
        if self.is_draining() {
            return;
        }
        // If it fails, the next one is in 10 s.
        let _ = self.call(self.engine.control(Control::Hello(self.id).encode())).await;
    }

    /// Tells all nodes that this one ends, so that they do not wait for its answers.
    pub(crate) async fn say_goodbye(&self) {
        let call = self.call(self.engine.control(Control::Goodbye(self.id).encode()));
        let _ = timeout_at(tokio::time::Instant::now() + ANSWER_TIME, call).await;
    }
}

/// How often a node says hello.
pub(super) const HELLO: Duration = Duration::from_secs(10);
/// How long a question waits for answers.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// Topics of one answer.
const MAX_TOPICS: usize = 100_000;
/// Topics of one part, so that its message is below 128 KiB: brokers have limits.
const TOPICS_PER_PART: usize = 480;
