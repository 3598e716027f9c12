//! The way of subscriptions from a call to the shard, and back if the call is given up.

use std::sync::Arc;

use futures_util::future::{join_all, try_join};
use tokio::sync::oneshot;

use super::{
    commands::{Command, Reply, ReplyMessage, Starting},
    joined::Joined,
    routing::Node,
};
use crate::{
    model::{
        error::{EngineError, HubError},
        name::TopicName,
        position::Position,
        subscribed::{Start, Subscribed},
    },
    topics::recovery::Replay,
};

/// The result for each topic that was asked for, in their order.
pub(crate) type Results = Vec<Result<Subscribed, HubError>>;

/// Subscribes a member to topics, but for those that have failed already. They become live at the same time, after one reply for all of them.
///
/// If the future is dropped, the member is subscribed to none of them.
pub(crate) async fn subscribe(
    node: &Arc<Node>,
    joined: &Joined,
    wanted: Vec<Result<(TopicName, Start), HubError>>,
    message: Option<ReplyMessage>,
) -> Results {
    let begun = wanted.into_iter().map(|one| async move {
        let (name, start) = one?;
        begin(node, joined, name, start).await
    });
    let (mut guards, mut starting) = (Vec::new(), Vec::new());
    for one in join_all(begun).await {
        let (guard, part) = one.map_or_else(|error| (None, Err(error)), |(guard, part)| (Some(guard), Ok(part)));
        guards.push(guard);
        starting.push(part);
    }
    let count = starting.len();
    let (done, result) = oneshot::channel();
    let command = Command::GoLive { member: joined.id(), starting, reply: Reply { message, done } };
    node.send(joined.id(), command);
    let stopped = || (0..count).map(|_| Err(HubError::Stopped)).collect();
    let results: Results = result.await.unwrap_or_else(|_| stopped());
    for (guard, result) in guards.into_iter().zip(&results) {
        node.counting.subscribed(result);
        match (guard, result) {
            (Some(guard), Ok(_)) => guard.keep(),
            // The shard has no such subscription.
            (Some(mut guard), Err(_)) => guard.is_in_shard = false,
            (None, _) => {}
        }
    }
    results
}

/// Brings a subscription to the shard, which keeps its publications from then on, and fetches those from before.
async fn begin<'a>(
    node: &'a Arc<Node>,
    joined: &'a Joined,
    name: TopicName,
    start: Start,
) -> Result<(Guard<'a>, Starting), HubError> {
    joined.count(&name, node.limits.topics_per_member)?;
    let mut guard = Guard { node, joined, name: Some(name.clone()), is_in_shard: false };
    node.enter(&name, joined).await?.hand_over(start == Start::Live)?;
    guard.is_in_shard = true;
    let presence = async { if node.options(&name).has_presence() { node.lease(&name, joined).await } else { Ok(()) } };
    let (replay, ()) = try_join(replay(node, &name, &start), presence).await?;
    let must_be_complete = matches!(start, Start::AllAfter(_));
    let asks_for_all = must_be_complete || matches!(start, Start::After(_));
    Ok((guard, Starting { name, replay, asks_for_all, must_be_complete }))
}

/// Fetches the publications that a subscription begins with.
async fn replay(node: &Arc<Node>, name: &TopicName, start: &Start) -> Result<Option<Replay>, EngineError> {
    match start {
        Start::Live => Ok(None),
        Start::After(position) | Start::AllAfter(position) => node.replay(name, position).await.map(Some),
        Start::Recent(count) => {
            let mut replay = node.replay(name, &Position::start()).await?;
            replay.publications.drain(..replay.publications.len().saturating_sub(*count));
            // Nothing is claimed about the publications before.
            replay.complete = true;
            Ok(Some(replay))
        }
    }
}

/// A subscription that was counted. Dropping it takes everything back.
struct Guard<'a> {
    node: &'a Node,
    joined: &'a Joined,
    name: Option<TopicName>,
    is_in_shard: bool,
}

impl Guard<'_> {
    fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        if self.is_in_shard {
            let command = Command::Unsubscribe { member: self.joined.id(), name: name.clone(), done: None };
            self.node.send(self.joined.id(), command);
        }
        // Last, when the shard has been told.
        self.joined.uncount(&name);
    }
}
