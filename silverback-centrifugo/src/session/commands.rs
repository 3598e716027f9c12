//! What a connected client asks for.

use std::collections::HashSet;

use silverback::Message;
use silverback_hub::{Epoch, Position, Topic};
use tokio::time::Instant;

use super::state::{End, Session, instant, ttl};
use crate::{
    history,
    protocol::{
        codes::{Disconnect, ErrorCode},
        messages::{
            Command, Data, Empty, Fault, HistoryRequest, HistoryResult, PresenceResult, PresenceStatsResult,
            PublishRequest, RefreshResult, Reply, RpcRequest, SubRefreshRequest, SubRefreshResult,
        },
    },
    server::{Channel, RpcCall, SentData, VERSION},
    token::TokenError,
};

impl Session {
    pub(super) async fn handle(&mut self, command: Command) -> Result<(), End> {
        if command == Command::default() {
            self.pong_due = None;
            return Ok(());
        }
        let id = command.id;
        if command.connect.is_some() || (id == 0 && command.send.is_none()) {
            return Err(Disconnect::BAD_REQUEST.into());
        }
        if !self.commands.take(Instant::now()) {
            if id == 0 {
                // There is no reply to it.
                return Ok(());
            }
            let error = Some(ErrorCode::TooManyRequests.into());
            return self.send(&Reply { id, error, ..Reply::default() }).await;
        }
        if let Some(request) = command.subscribe {
            // The hub has sent the reply.
            return match self.subscribe(id, request).await? {
                Ok(()) => Ok(()),
                Err(error) => self.send(&Reply { id, error: Some(error), ..Reply::default() }).await,
            };
        }
        if let Some(data) = command.send {
            if let Some(hook) = &self.server.on_send {
                let (identity, member) = (self.member.identity().clone(), self.member.id());
                hook.call(SentData { identity, member, data: data.data }).await;
            }
            return Ok(());
        }
        let reply = match self.answer(command).await? {
            Ok(reply) => Reply { id, ..reply },
            Err(error) => Reply { id, error: Some(error), ..Reply::default() },
        };
        self.send(&reply).await
    }

    async fn answer(&mut self, command: Command) -> Result<Result<Reply, Fault>, End> {
        if let Some(request) = command.refresh {
            return self.refresh(&request.token);
        }
        let mut reply = Reply::default();
        let done = if let Some(request) = command.unsubscribe {
            self.unsubscribe(&request.channel).await;
            reply.unsubscribe = Some(Empty {});
            Ok(())
        } else if let Some(request) = command.publish {
            self.publish(request).await.map(|()| reply.publish = Some(Empty {}))
        } else if let Some(request) = command.presence {
            self.present(&request.channel).await.map(|presence| reply.presence = Some(presence))
        } else if let Some(request) = command.presence_stats {
            self.present(&request.channel).await.map(|presence| reply.presence_stats = Some(stats(&presence)))
        } else if let Some(request) = command.history {
            self.history(request).await.map(|history| reply.history = Some(history))
        } else if let Some(request) = command.rpc {
            self.rpc(request).await.map(|data| reply.rpc = Some(data))
        } else if let Some(request) = command.sub_refresh {
            self.sub_refresh(&request).map(|refreshed| reply.sub_refresh = Some(refreshed))
        } else if command.ping.is_some() {
            reply.ping = Some(Empty {});
            Ok(())
        } else {
            Err(ErrorCode::MethodNotFound.into())
        };
        Ok(done.map(|()| reply))
    }

    async fn publish(&self, request: PublishRequest) -> Result<(), Fault> {
        self.check(&request.channel, |channel| channel.may_publish)?;
        // Text if it is text, so that members without this protocol get what they can read.
        let message = match String::from_utf8(request.data.into()) {
            Ok(text) => Message::from(text),
            Err(error) => Message::from(error.into_bytes()),
        };
        self.member.publish(&request.channel, message).await?;
        Ok(())
    }

    async fn present(&self, channel: &str) -> Result<PresenceResult, Fault> {
        self.check(channel, |channel| channel.may_see_presence)?;
        if !self.topic(channel)?.has_presence() {
            return Err(ErrorCode::NotAvailable.into());
        }
        let present = self.member.presence(channel).await?;
        let presence = present.into_iter().map(|one| (one.member.to_string(), one.into()));
        Ok(PresenceResult { presence: presence.collect() })
    }

    async fn history(&self, request: HistoryRequest) -> Result<HistoryResult, Fault> {
        self.check(&request.channel, |channel| channel.may_read_history)?;
        if self.topic(&request.channel)?.history_limits().is_none() {
            return Err(ErrorCode::NotAvailable.into());
        }
        let since = request.since.map(|since| Position::new(Epoch::new(&since.epoch), since.offset));
        if request.limit == 0 {
            let position = self.member.position(&request.channel).await?;
            return Ok(history::position_alone(position, since)?);
        }
        let after = history::begin(since.as_ref(), request.reverse);
        let replay = self.member.history(&request.channel, &after).await?;
        Ok(history::page(replay, since, request.limit, request.reverse)?)
    }

    async fn rpc(&self, request: RpcRequest) -> Result<Data, Fault> {
        let Some(hook) = &self.server.on_rpc else { return Err(ErrorCode::NotAvailable.into()) };
        let call = RpcCall {
            identity: self.member.identity().clone(),
            member: self.member.id(),
            method: request.method,
            data: request.data,
        };
        Ok(Data { data: hook.call(call).await? })
    }

    /// Takes a new token for the connection.
    fn refresh(&mut self, token: &str) -> Result<Result<Reply, Fault>, End> {
        let claims = match self.server.verify(token) {
            Ok(claims) => claims,
            Err(TokenError::Expired) => return Ok(Err(ErrorCode::TokenExpired.into())),
            Err(TokenError::Invalid) => return Err(Disconnect::INVALID_TOKEN.into()),
        };
        let is_same_user = claims.sub == self.member.identity().user_id().unwrap_or_default();
        if !is_same_user || claims.channel.is_some() {
            return Err(Disconnect::INVALID_TOKEN.into());
        }
        self.expires_at = claims.expires_at().map(instant);
        let refreshed = RefreshResult {
            client: self.member.id().to_string(),
            version: VERSION.to_owned(),
            expires: self.expires_at.is_some(),
            ttl: self.expires_at.map_or(0, ttl),
        };
        Ok(Ok(Reply { refresh: Some(refreshed), ..Reply::default() }))
    }

    /// Takes a new token for a subscription.
    fn sub_refresh(&mut self, request: &SubRefreshRequest) -> Result<SubRefreshResult, Fault> {
        let expires_at = self.verify_subscription(&request.channel, &request.token)?;
        let Some(subscription) = self.subscriptions.get_mut(&request.channel) else {
            return Err(ErrorCode::PermissionDenied.into());
        };
        subscription.expires_at = expires_at;
        Ok(SubRefreshResult { expires: expires_at.is_some(), ttl: expires_at.map_or(0, ttl) })
    }

    /// Whether a subscriber may do this in a channel.
    fn check(&self, channel: &str, may: impl Fn(&Channel) -> bool) -> Result<(), Fault> {
        if channel.is_empty() {
            return Err(ErrorCode::BadRequest.into());
        }
        let is_allowed = self.subscriptions.contains_key(channel) && may(self.server.channels.get(channel));
        if is_allowed { Ok(()) } else { Err(ErrorCode::PermissionDenied.into()) }
    }

    fn topic(&self, channel: &str) -> Result<&Topic, Fault> {
        Ok(self.server.hub.topic(channel)?)
    }
}

fn stats(presence: &PresenceResult) -> PresenceStatsResult {
    let users: HashSet<_> = presence.presence.values().map(|info| &info.user).collect();
    let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
    PresenceStatsResult { num_clients: count(presence.presence.len()), num_users: count(users.len()) }
}
