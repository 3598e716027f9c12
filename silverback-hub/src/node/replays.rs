//! Replays for members that return. Those that ask at the same time share the calls of the engine, so a deployment that
//! makes everybody reconnect costs a few calls for each topic.
//!
//! A member must not get a replay that was read before its subscription began, so it waits for the next one if one is
//! running.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{routing::Node, waiters::Waiter};
use crate::{
    model::{error::EngineError, name::TopicName, position::Position},
    topics::{questions::Questions, recovery::Replay},
};

impl Node {
    /// Returns what came after a position, at most as old as this call.
    pub(crate) async fn replay(self: &Arc<Self>, name: &TopicName, after: &Position) -> Result<Replay, EngineError> {
        let (done, result) = oneshot::channel();
        self.wait_for_replay(name, Waiter { after: after.clone(), done });
        result.await.unwrap_or(Err(EngineError::TimedOut))
    }
}

impl Node {
    fn wait_for_replay(self: &Arc<Self>, name: &TopicName, waiter: Waiter) {
        let mut topics = self.replays.lock();
        match topics.get_mut(name) {
            Some(waiting) => waiting.push(waiter),
            None => {
                topics.insert(name.clone(), vec![waiter]);
                tokio::spawn(run(Answering { node: self.clone(), name: name.clone(), is_over: false }));
            }
        }
    }
}

/// The task of one topic. If the engine panics, those that wait are told so by the drop of their channels.
struct Answering {
    node: Arc<Node>,
    name: TopicName,
    /// The topic has no member that waits any more. Another task may answer those that come from now on.
    is_over: bool,
}

async fn run(mut task: Answering) {
    while let Some(waiting) = task.next() {
        let replays = task.node.replays_for(&task.name, &waiting).await;
        for (waiter, replay) in waiting.into_iter().zip(replays) {
            // The call may have been given up.
            let _ = waiter.done.send(replay);
        }
    }
}

impl Answering {
    /// Returns the members that wait. `None` ends the task.
    fn next(&mut self) -> Option<Vec<Waiter>> {
        let mut topics = self.node.replays.lock();
        let waiting = std::mem::take(topics.get_mut(&self.name)?);
        if waiting.is_empty() {
            topics.remove(&self.name);
            self.is_over = true;
            return None;
        }
        Some(waiting)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.is_over {
            self.node.replays.lock().remove(&self.name);
        }
    }
}

impl Node {
    async fn replays_for(&self, name: &TopicName, waiting: &[Waiter]) -> Vec<Result<Replay, EngineError>> {
        match self.ask(name, waiting).await {
            Ok(replays) => replays.into_iter().map(Ok).collect(),
            Err(error) => waiting.iter().map(|_| Err(again(&error))).collect(),
        }
    }

    async fn ask(&self, name: &TopicName, waiting: &[Waiter]) -> Result<Vec<Replay>, EngineError> {
        let oldest = |positions: Vec<&Position>| positions.into_iter().min_by_key(|after| after.offset).cloned();
        let all: Vec<_> = waiting.iter().map(|waiter| &waiter.after).collect();
        let Some(mut first) = oldest(all.clone()) else { return Ok(Vec::new()) };
        let mut replay = self.since(name, &first).await?;
        let epoch = replay.position.as_ref().map(|position| position.epoch.clone());
        let is_known = |after: &Position| after.is_start() || Some(&after.epoch) == epoch.as_ref();
        let known: Vec<_> = all.iter().copied().filter(|after| is_known(after)).collect();
        if !is_known(&first) {
            // Another epoch had the lowest offset. Nothing is known about it, and the others are asked for again.
            let Some(next) = oldest(known.clone()) else {
                return Ok(all.iter().map(|_| Replay::incomplete(Vec::new(), replay.position.clone())).collect());
            };
            first = next;
            replay = self.since(name, &first).await?;
        }
        let position = replay.position.clone();
        let mut questions = Questions::new(known.iter().map(|after| after.offset).collect(), replay);
        while let Some(offset) = questions.next() {
            let Some(epoch) = &epoch else { break };
            let later = self.since(name, &Position::new(epoch.clone(), offset)).await?;
            let is_same = later.position.as_ref().map(|position| &position.epoch) == Some(epoch);
            questions.learn(offset, later.complete && is_same);
        }
        let answer = |after: &&Position| match is_known(after) {
            true => questions.answer(after),
            false => Replay::incomplete(Vec::new(), position.clone()),
        };
        Ok(all.iter().map(answer).collect())
    }

    async fn since(&self, name: &TopicName, after: &Position) -> Result<Replay, EngineError> {
        self.call(self.engine.since(name, self.options(name), after)).await
    }
}

/// Returns the same error for another member.
fn again(error: &EngineError) -> EngineError {
    match error {
        EngineError::Down => EngineError::Down,
        EngineError::TimedOut => EngineError::TimedOut,
        EngineError::Limit(limit) => EngineError::Limit(*limit),
        EngineError::Other(error) => EngineError::Other(error.to_string().into()),
    }
}
