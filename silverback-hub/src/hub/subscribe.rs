//! Subscribing.

use std::{fmt, pin::Pin};

use futures_util::future::join_all;
use silverback::Message;

use super::{access::Action, member::Member};
use crate::{
    model::{
        error::HubError,
        name::TopicName,
        subscribed::{Start, Subscribed},
    },
    node::{commands::ReplyMessage, subscribing::subscribe},
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

/// Subscriptions that begin together once this is awaited; see [`Member::subscribe_all`].
#[must_use = "nothing is subscribed until this is awaited"]
pub struct SubscribeAll<'a> {
    member: &'a Member,
    topics: Vec<(String, Start)>,
    message: Option<ReplyMessage>,
}

impl Member {
    /// Subscribes to several topics that become live at the same time. Await it, or set a
    /// [`reply`](SubscribeAll::reply) for all of them first. The results are in the order of the topics. They are those
    /// of [`subscribe`](Self::subscribe), and one that fails does not stop the others.
    ///
    /// # Cancel safety
    /// If the future is dropped, the member is not subscribed, but it may have got some publications.
    pub fn subscribe_all(&self, topics: impl IntoIterator<Item = (String, Start)>) -> SubscribeAll<'_> {
        SubscribeAll { member: self, topics: topics.into_iter().collect(), message: None }
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
        self.message = Some(Box::new(|results| results.first()?.as_ref().ok().map(message)));
        self
    }

    async fn run(self) -> Result<Subscribed, HubError> {
        let Self { member, topic, start, message } = self;
        let name = TopicName::new(&topic)?;
        member.may(&name, Action::Subscribe).await?;
        let results = subscribe(member.node(), member.joined(), vec![Ok((name, start))], message).await;
        results.into_iter().next().unwrap_or(Err(HubError::Stopped))
    }
}

impl<'a> IntoFuture for Subscribe<'a> {
    type Output = Result<Subscribed, HubError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<'a> SubscribeAll<'a> {
    /// Sets the message that tells the client about its subscriptions; see [`Subscribe::reply`]. It is sent also if
    /// some of them, or all, have failed.
    pub fn reply(mut self, message: impl FnOnce(&[Result<Subscribed, HubError>]) -> Message + Send + 'static) -> Self {
        self.message = Some(Box::new(|results| Some(message(results))));
        self
    }

    async fn run(self) -> Vec<Result<Subscribed, HubError>> {
        let Self { member, topics, message } = self;
        let asked = topics.into_iter().map(|(topic, start)| async move {
            let name = TopicName::new(&topic)?;
            member.may(&name, Action::Subscribe).await?;
            Ok((name, start))
        });
        subscribe(member.node(), member.joined(), join_all(asked).await, message).await
    }
}

impl<'a> IntoFuture for SubscribeAll<'a> {
    type Output = Vec<Result<Subscribed, HubError>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for SubscribeAll<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscribeAll").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl fmt::Debug for Subscribe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe").field("topic", &self.topic).field("start", &self.start).finish_non_exhaustive()
    }
}
