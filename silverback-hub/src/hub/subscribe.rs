//! Subscribing.

use std::{fmt, pin::Pin};

use silverback::Message;
use tokio::sync::oneshot;

use super::{access::Action, member::Member};
use crate::{
    model::{
        error::{EngineError, HubError},
        name::TopicName,
        position::Position,
        subscribed::{Start, Subscribed},
    },
    node::{
        commands::{Command, Reply, ReplyMessage},
        routing::Node,
    },
    topics::recovery::Replay,
};

/// A subscription that begins once this is awaited; see [`Member::subscribe`].
#[must_use = "nothing is subscribed until this is awaited"]
pub struct Subscribe<'a> {
    member: &'a Member,
    topic: String,
    start: Start,
    message: Option<ReplyMessage>,
}

impl Member {
    /// Subscribes to a topic. Await it, or set a [`reply`](Subscribe::reply) first.
    ///
    /// With [`Start::After`] the member first gets everything that was published after the position, if the history has
    /// all of it. The hub queues these publications before the first live one. If the history has a hole,
    /// `recovered` is [`Recovery::Incomplete`](crate::Recovery::Incomplete), and the client must load the state again.
    ///
    /// ```
    /// use silverback_hub::{HubError, Member, Position, Recovery, Start};
    ///
    /// # async fn subscribe(member: &Member, known: Position) -> Result<(), HubError> {
    /// let subscribed = member.subscribe("chat:7", Start::After(known)).await?;
    /// if subscribed.recovered == Recovery::Incomplete {
    ///     member.writer().try_write_message("reload").ok();
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Fails if the name is not valid, the hook refuses, a limit is reached, the member is subscribed already, or the
    /// engine fails. The member is not subscribed then.
    ///
    /// # Cancel safety
    /// If the future is dropped, the member is not subscribed, but it may have got some publications.
    pub fn subscribe(&self, topic: &str, start: Start) -> Subscribe<'_> {
        Subscribe::new(self, topic, start)
    }
}

impl<'a> Subscribe<'a> {
    fn new(member: &'a Member, topic: &str, start: Start) -> Self {
        Self { member, topic: topic.to_owned(), start, message: None }
    }

    /// Sets the message that tells the client about its subscription. The hub queues it before the first live
    /// publication. It has to include the recovered publications, since the hub no longer sends them itself. Called in
    /// a task of the hub, so it must neither block nor panic.
    ///
    /// Default: the hub sends the recovered publications as if they were live.
    pub fn reply(mut self, message: impl FnOnce(&Subscribed) -> Message + Send + 'static) -> Self {
        self.message = Some(Box::new(message));
        self
    }

    async fn run(self) -> Result<Subscribed, HubError> {
        let Self { member, topic, start, message } = self;
        let node = member.node();
        let name = TopicName::new(&topic)?;
        member.may(&name, Action::Subscribe).await?;
        // Taken back last, when the shard has been told.
        let counted = member.count_topic(&name)?;
        let entered = node.enter(&name, member.id(), member.identity()).await?;
        let (done, result) = oneshot::channel();
        let reply = Reply { message, done };
        let member_id = member.id();
        let undo = if start == Start::Live {
            let command =
                |position| Command::Subscribe { member: member_id, name: name.clone(), position, reply: Some(reply) };
            entered.hand_over(command)?;
            Undo::new(member, &name)
        } else {
            let command =
                |position| Command::Subscribe { member: member_id, name: name.clone(), position, reply: None };
            entered.hand_over(command)?;
            let undo = Undo::new(member, &name);
            // From here on the shard keeps the publications that arrive, so there is no hole before the replay.
            let replay = replay(node, &name, &start).await?;
            let asks_for_all = matches!(start, Start::After(_));
            node.send(member_id, Command::Merge { member: member_id, name: name.clone(), replay, asks_for_all, reply });
            undo
        };
        let subscribed = match result.await {
            Ok(subscribed) => subscribed,
            Err(_) => Err(HubError::Stopped),
        };
        if let Err(error) = subscribed {
            // There is nothing to take back.
            undo.defuse();
            return Err(error);
        }
        if node.options(&name).has_presence() {
            node.lease(&name, member_id, member.identity(), member.lease()).await?;
        }
        undo.defuse();
        counted.keep();
        subscribed
    }
}

impl<'a> IntoFuture for Subscribe<'a> {
    type Output = Result<Subscribed, HubError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for Subscribe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe").field("topic", &self.topic).field("start", &self.start).finish_non_exhaustive()
    }
}

/// Fetches the publications that a subscription begins with.
async fn replay(node: &Node, name: &TopicName, start: &Start) -> Result<Replay, EngineError> {
    let options = node.options(name);
    match start {
        Start::Live => Ok(Replay::default()),
        Start::After(position) => node.call(node.engine.since(name, options, position)).await,
        Start::Recent(count) => {
            let mut replay = node.call(node.engine.since(name, options, &Position::start())).await?;
            replay.publications.drain(..replay.publications.len().saturating_sub(*count));
            // Nothing is claimed about the publications before.
            replay.complete = true;
            Ok(replay)
        }
    }
}

/// Ends a subscription whose call was dropped or has failed.
struct Undo<'a> {
    member: &'a Member,
    name: Option<TopicName>,
}

impl<'a> Undo<'a> {
    fn new(member: &'a Member, name: &TopicName) -> Self {
        Self { member, name: Some(name.clone()) }
    }

    fn defuse(mut self) {
        self.name = None;
    }
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            let member = self.member.id();
            self.member.node().send(member, Command::Unsubscribe { member, name, done: None });
        }
    }
}
