//! Subscriptions, and who is told about them.

use prost::Message as _;
use silverback_hub::{Epoch, Position, Present, Recovery, Start, Subscribed};
use tokio::time::Instant;

use super::state::{End, Session, Subscription, instant, ttl};
use crate::{
    encoding::{JOINS, RESERVED, to_message},
    protocol::{
        codes::ErrorCode,
        frame::encode,
        messages::{Fault, Presence, Push, Reply, Subscribe, SubscribeRequest, SubscribeResult, Unsubscribe},
    },
    server::Joins,
};

impl Session {
    /// Answers `connect` together with the subscriptions of the server. One that fails is left out.
    pub(super) async fn begin_with_channels(
        &mut self,
        reply: Reply,
        channels: Vec<(String, SubscribeRequest)>,
    ) -> Result<(), End> {
        if channels.is_empty() {
            return self.send(&reply).await;
        }
        let format = self.format;
        let asked: Vec<_> = channels.iter().map(|(name, request)| (name.clone(), request.recover)).collect();
        let topics: Vec<_> = channels.iter().map(|(name, request)| (name.clone(), start(request))).collect();
        let subscribing = self.member.subscribe_all(topics).reply(move |results| {
            let mut reply = reply;
            if let Some(connect) = &mut reply.connect {
                let subscribed =
                    asked.into_iter().zip(results).filter_map(|(asked, one)| Some((asked, one.as_ref().ok()?)));
                let subs = subscribed.map(|((name, recovers), one)| (name, to_result(one, recovers, None)));
                connect.subs.extend(subs);
            }
            encode(format, [&reply])
        });
        let results = subscribing.await;
        for ((channel, request), result) in channels.into_iter().zip(results) {
            match result {
                Ok(_) => self.enter(channel, &request, None).await?,
                Err(error) => {
                    tracing::warn!(name: "server_subscription_failed", target: "silverback::centrifugo", %error, "a subscription of the server failed")
                }
            }
        }
        Ok(())
    }

    /// Subscribes to a channel of the server's choice, and tells the client.
    pub(super) async fn push_subscription(
        &mut self,
        channel: String,
        request: SubscribeRequest,
        expires_at: Option<Instant>,
    ) -> Result<(), End> {
        let (format, name, asked, data) = (self.format, channel.clone(), request.offset, request.data.clone());
        let subscribing = self.member.subscribe(&channel, start(&request)).reply(move |subscribed| {
            let push = |push| Reply { push: Some(Push { channel: name.clone(), ..push }), ..Reply::default() };
            let missed = subscribed.publications.iter();
            let missed = missed.map(|one| push(Push { publication: Some(to_message(one)), ..Push::default() }));
            let subscribe = Subscribe { data, ..subscribe_push(subscribed, asked) };
            let subscribe = push(Push { subscribe: Some(subscribe), ..Push::default() });
            let replies: Vec<_> = std::iter::once(subscribe).chain(missed).collect();
            encode(format, &replies)
        });
        match subscribing.await {
            Ok(_) => self.enter(channel, &request, expires_at).await,
            Err(error) => {
                tracing::warn!(name: "server_subscription_failed", target: "silverback::centrifugo", %error, "a subscription of the server failed");
                Ok(())
            }
        }
    }

    /// Handles the command of a client. On success the hub sends the reply, before the first publication.
    pub(super) async fn subscribe(&mut self, id: u32, request: SubscribeRequest) -> Result<Result<(), Fault>, End> {
        let channel = request.channel.clone();
        if channel.is_empty() || channel.starts_with(RESERVED) {
            return Ok(Err(ErrorCode::BadRequest.into()));
        }
        if self.subscriptions.contains_key(&channel) {
            return Ok(Err(ErrorCode::AlreadySubscribed.into()));
        }
        let expires_at = match self.may_subscribe(&channel, &request.token) {
            Ok(expires_at) => expires_at,
            Err(code) => return Ok(Err(code.into())),
        };
        let (format, was_recovering) = (self.format, request.recover);
        let start = match start(&request) {
            // In place of a subscription with a hole the client wants an error, and then nothing of the channel.
            Start::After(position) if request.flag & REJECT_UNRECOVERED != 0 => Start::AllAfter(position),
            start => start,
        };
        let subscribing = self.member.subscribe(&channel, start).reply(move |subscribed| {
            let result = to_result(subscribed, was_recovering, expires_at);
            encode(format, [&Reply { id, subscribe: Some(result), ..Reply::default() }])
        });
        match subscribing.await {
            Ok(_) => self.enter(channel, &request, expires_at).await?,
            Err(error) => return Ok(Err(error.into())),
        }
        Ok(Ok(()))
    }

    /// Returns when the subscription expires, if the client may subscribe.
    fn may_subscribe(&self, channel: &str, token: &str) -> Result<Option<Instant>, ErrorCode> {
        if !token.is_empty() {
            return self.verify_subscription(channel, token);
        }
        match crate::server::names_user(channel, self.member.identity().user_id()) {
            Some(true) => Ok(None),
            None if self.server.channels.get(channel).is_open => Ok(None),
            _ => Err(ErrorCode::PermissionDenied),
        }
    }

    /// Verifies a token for a channel. Returns when it expires.
    pub(super) fn verify_subscription(&self, channel: &str, token: &str) -> Result<Option<Instant>, ErrorCode> {
        let claims = self.server.verify(token).map_err(|error| match error {
            crate::token::TokenError::Invalid => ErrorCode::PermissionDenied,
            crate::token::TokenError::Expired => ErrorCode::TokenExpired,
        })?;
        let is_of_this = claims.channel.as_deref() == Some(channel)
            && claims.sub == self.member.identity().user_id().unwrap_or_default();
        if is_of_this { Ok(claims.expires_at().map(instant)) } else { Err(ErrorCode::PermissionDenied) }
    }

    /// Notes a subscription that is live, and tells the others.
    async fn enter(
        &mut self,
        channel: String,
        request: &SubscribeRequest,
        expires_at: Option<Instant>,
    ) -> Result<(), End> {
        let joins = self.server.channels.get(&channel).joins;
        let announces = joins != Joins::Off;
        let mut listens = joins == Joins::Always || (announces && request.join_leave);
        if listens {
            if let Err(error) = self.member.subscribe(&format!("{JOINS}{channel}"), Start::Live).await {
                tracing::warn!(name: "joins_failed", target: "silverback::centrifugo", %error, "a client does not get joins and leaves");
                listens = false;
            }
        }
        if announces {
            let join = Push { join: Some(self.presence()), ..Push::default() };
            self.announce(&channel, &join).await;
        }
        self.subscriptions.insert(channel, Subscription { announces, listens, expires_at });
        Ok(())
    }

    /// Ends a subscription. Returns whether there was one.
    pub(super) async fn unsubscribe(&mut self, channel: &str) -> bool {
        let Some(subscription) = self.subscriptions.remove(channel) else { return false };
        let topics = [Some(channel.to_owned()), subscription.listens.then(|| format!("{JOINS}{channel}"))];
        for topic in topics.into_iter().flatten() {
            if let Err(error) = self.member.unsubscribe(&topic).await {
                tracing::warn!(name: "unsubscribe_failed", target: "silverback::centrifugo", %error, "a subscription did not end");
            }
        }
        if subscription.announces {
            let leave = Push { leave: Some(self.presence()), ..Push::default() };
            self.announce(channel, &leave).await;
        }
        true
    }

    /// Ends a subscription and tells the client.
    pub(super) async fn end_subscription(&mut self, channel: &str, code: u32, reason: &str) -> Result<(), End> {
        if self.unsubscribe(channel).await {
            let unsubscribe = Some(Unsubscribe { code, reason: reason.to_owned() });
            let push = Push { channel: channel.to_owned(), unsubscribe, ..Push::default() };
            self.send(&Reply { push: Some(push), ..Reply::default() }).await?;
        }
        Ok(())
    }

    /// Leaves all channels.
    pub(super) async fn leave(&mut self) {
        let channels: Vec<_> = self.subscriptions.keys().cloned().collect();
        for channel in channels {
            self.unsubscribe(&channel).await;
        }
    }

    async fn announce(&self, channel: &str, push: &Push) {
        let topic = format!("{JOINS}{channel}");
        if let Err(error) = self.server.hub.publish(&topic, push.encode_to_vec()).await {
            tracing::warn!(name: "announce_failed", target: "silverback::centrifugo", %error, "the others in a channel were not told");
        }
    }

    fn presence(&self) -> Presence {
        let present = Present::new(self.member.id(), self.member.identity().clone());
        Presence { info: Some(present.into()) }
    }
}

fn subscribe_push(subscribed: &Subscribed, asked: u64) -> Subscribe {
    let position = subscribed.position.as_ref();
    let is_recovered = subscribed.recovered == Recovery::Complete;
    Subscribe {
        recoverable: position.is_some(),
        positioned: position.is_some(),
        epoch: position.map(|position| position.epoch.to_string()).unwrap_or_default(),
        // What was missed follows.
        offset: if is_recovered { asked } else { position.map_or(0, |position| position.offset) },
        ..Subscribe::default()
    }
}

fn start(request: &SubscribeRequest) -> Start {
    if request.recover { Start::After(Position::new(Epoch::new(&request.epoch), request.offset)) } else { Start::Live }
}

fn to_result(subscribed: &Subscribed, was_recovering: bool, expires_at: Option<Instant>) -> SubscribeResult {
    let position = subscribed.position.as_ref();
    SubscribeResult {
        expires: expires_at.is_some(),
        ttl: expires_at.map_or(0, ttl),
        recoverable: position.is_some(),
        positioned: position.is_some(),
        epoch: position.map(|position| position.epoch.to_string()).unwrap_or_default(),
        offset: position.map_or(0, |position| position.offset),
        publications: subscribed.publications.iter().map(to_message).collect(),
        recovered: subscribed.recovered == Recovery::Complete,
        was_recovering,
        ..SubscribeResult::default()
    }
}

/// The flag of a client that would rather have an error than a subscription with a hole.
const REJECT_UNRECOVERED: i64 = 2;
