//! The HTTP API for the program's other services: `POST /api/METHOD` with a key.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use prost::Message as _;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use silverback::Message;
use silverback_hub::{Epoch, Position, Target};

use crate::{
    encoding::RESERVED,
    history,
    notice::Notice,
    protocol::{
        codes::{Disconnect, ErrorCode},
        messages::{ClientInfo, Fault, Publication, StreamPosition, Tags},
    },
    server::{Server, VERSION},
};

impl Server {
    /// Answers a request of the HTTP API. Mount it at `/api/{method}`: the last part of the path names the method. The
    /// key is in the header `X-API-Key`, or in `Authorization: apikey KEY`.
    ///
    /// Methods: `publish`, `broadcast`, `subscribe`, `unsubscribe`, `disconnect`, `refresh`, `presence`, `presence_stats`,
    /// `history`, `history_remove`, `channels`, `info` and `batch`. They are the program's own and ask no
    /// [rules](silverback_hub::HubBuilder::authorize). They act on the clients of all nodes, and `channels` and `info` ask
    /// all nodes, which takes up to 2 s if one has died.
    ///
    /// A request without a valid key gets 401, one for another method 404, and one that is not a JSON object 400. Other
    /// failures are an `error` in an answer with 200, as clients of this API expect. Limit the size of the body before.
    ///
    /// # Cancel safety
    /// If the future is dropped, the request may have been carried out or not.
    pub async fn handle_api(&self, request: Request<Bytes>) -> Response<Bytes> {
        if !self.0.api_keys.iter().any(|key| has_key(request.headers(), key)) {
            let words = if self.0.api_keys.is_empty() { NO_KEYS } else { WRONG_KEY };
            return refused(StatusCode::UNAUTHORIZED, words);
        }
        if request.method() != Method::POST {
            return refused(StatusCode::METHOD_NOT_ALLOWED, "A call is a POST request.\n");
        }
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        let Ok(params) = serde_json::from_slice::<&RawValue>(request.body()) else {
            return refused(StatusCode::BAD_REQUEST, "The body must be a JSON object.\n");
        };
        let answer = match method {
            "batch" => self.batch(params).await,
            method => self.call(method, params).await,
        };
        if matches!(&answer, Err(fault) if fault.code == ErrorCode::MethodNotFound.code()) {
            return refused(StatusCode::NOT_FOUND, "There is no such method.\n");
        }
        let body = match &answer {
            Ok(result) if method == "batch" => Bytes::copy_from_slice(result.get().as_bytes()),
            answer => json(&Answer::from(answer)).get().to_owned().into(),
        };
        let mut response = Response::new(body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    async fn batch(&self, params: &RawValue) -> Called {
        let batch: Batch<'_> = read(params)?;
        if batch.commands.len() > MAX_BATCH {
            return Err(ErrorCode::LimitExceeded.into());
        }
        let mut replies = Vec::new();
        for command in batch.commands {
            // One method for each command. A command without any is answered, so that the replies stay in line.
            let mut reply = BTreeMap::new();
            for (method, params) in command.into_iter().take(1) {
                match self.call(&method, params).await {
                    Ok(result) => reply.insert(method, result),
                    Err(fault) => reply.insert("error".into(), json(&fault)),
                };
            }
            replies.push(reply);
        }
        Ok(json(&Replies { replies }))
    }

    async fn call(&self, method: &str, params: &RawValue) -> Called {
        match method {
            "publish" => self.publish(read(params)?).await.map(|published| json(&published)),
            "broadcast" => self.broadcast(read(params)?).await,
            "subscribe" => self.subscribe(read(params)?).await,
            "unsubscribe" => self.unsubscribe(read(params)?).await,
            "disconnect" => self.disconnect(read(params)?).await,
            "refresh" => self.refresh(read(params)?).await,
            "history_remove" => self.history_remove(read(params)?).await,
            "channels" => self.channels(read(params)?).await,
            "presence" => self.present(read(params)?).await.map(|presence| json(&PresenceAnswer { presence })),
            "presence_stats" => self.present(read(params)?).await.map(|presence| json(&Stats::of(&presence))),
            "history" => self.history(read(params)?).await,
            "info" => self.info().await,
            _ => Err(ErrorCode::MethodNotFound.into()),
        }
    }

    async fn publish(&self, publish: PublishParams<'_>) -> Result<Published, Fault> {
        self.publish_to(&publish.channel, publish.message()?, &publish).await
    }

    async fn broadcast(&self, broadcast: PublishParams<'_>) -> Called {
        let message = broadcast.message()?;
        let mut responses = Vec::new();
        for channel in &broadcast.channels {
            let published = self.publish_to(channel, message.clone(), &broadcast).await;
            let published = published.map(|published| json(&published));
            responses.push(json(&Answer::from(&published)));
        }
        Ok(json(&Responses { responses }))
    }

    async fn publish_to(
        &self,
        channel: &str,
        message: Message,
        params: &PublishParams<'_>,
    ) -> Result<Published, Fault> {
        let channel = channel_of_clients(channel)?;
        let mut publish = self.0.hub.publish(channel, message);
        if let Some(id) = params.idempotency_key.as_deref().filter(|id| !id.is_empty()) {
            publish = publish.id(id);
        }
        if let Some(tags) = params.tags.as_ref().filter(|tags| !tags.is_empty()) {
            publish = publish.extra(Tags { tags: tags.clone() }.encode_to_vec());
        }
        let position = publish.await?.position.unwrap_or_else(Position::start);
        Ok(Published { offset: position.offset, epoch: position.epoch.to_string() })
    }

    async fn subscribe(&self, params: SubscribeParams<'_>) -> Called {
        let target = params.target.read()?;
        // What is shown of a client is the same in all channels here, and the options of a channel hold for everybody.
        if params.info.is_some() || params.b64info.is_some() || params.options.is_some() {
            return Err(ErrorCode::NotAvailable.into());
        }
        let notice = Notice::Subscribe {
            channel: channel_of_clients(&params.target.channel)?.to_owned(),
            expire_at: params.expire_at.filter(|at| *at > 0),
            data: params.data.map(|data| data.get().to_owned()),
            recover_since: params.recover_since,
        };
        self.notify(target, &notice).await
    }

    async fn unsubscribe(&self, params: TargetParams<'_>) -> Called {
        let target = params.read()?;
        let channel = channel_of_clients(&params.channel)?.to_owned();
        self.notify(target, &Notice::Unsubscribe { channel }).await
    }

    async fn refresh(&self, params: RefreshParams<'_>) -> Called {
        let target = params.target.read()?;
        if params.info.is_some() {
            // Presence and publications already have the info with which the client has connected.
            return Err(ErrorCode::NotAvailable.into());
        }
        let expire_at = params.expire_at.filter(|at| *at > 0);
        self.notify(target, &Notice::Refresh { expired: params.expired.unwrap_or(false), expire_at }).await
    }

    async fn notify(&self, target: Option<Target>, notice: &Notice) -> Called {
        if let Some(target) = target {
            self.0.hub.notify(target, notice.encode()).await?;
        }
        Ok(json(&Nothing {}))
    }

    async fn disconnect(&self, params: DisconnectParams<'_>) -> Called {
        let (code, reason) = match params.disconnect {
            Some(close) => (close.code, close.reason),
            None => (Disconnect::FORCED.code, Disconnect::FORCED.reason),
        };
        if !(3000..=4999).contains(&code) {
            return Err(ErrorCode::BadRequest.into());
        }
        if let Some(target) = params.target.read()? {
            // Ids that are not of this server leave out nobody.
            let spared = params.whitelist.into_iter().flatten().filter_map(|id| id.parse().ok());
            self.0.hub.disconnect(target.except(spared), code, &reason).await?;
        }
        Ok(json(&Nothing {}))
    }

    async fn history_remove(&self, params: ChannelParams<'_>) -> Called {
        let channel = channel_of_clients(&params.channel)?;
        if self.0.hub.topic(channel)?.history_limits().is_none() {
            return Err(ErrorCode::NotAvailable.into());
        }
        self.0.hub.clear_history(channel).await?;
        Ok(json(&Nothing {}))
    }

    async fn channels(&self, params: ChannelsParams<'_>) -> Called {
        let topics = self.0.hub.topics(params.pattern.as_deref().unwrap_or_default(), MAX_CHANNELS).await?;
        if topics.is_cut {
            tracing::warn!(name: "channels_cut", target: "silverback::centrifugo", limit = MAX_CHANNELS, "the list of channels was cut; ask with a pattern");
        }
        let own = topics.topics.into_iter().filter(|(name, _)| !name.as_str().starts_with(RESERVED));
        let channels = own.map(|(name, num_clients)| (name.as_str().to_owned(), ChannelInfo { num_clients }));
        Ok(json(&ChannelsAnswer { channels: channels.collect() }))
    }

    async fn present(&self, params: ChannelParams<'_>) -> Result<BTreeMap<String, ClientInfo>, Fault> {
        let hub = &self.0.hub;
        if !hub.topic(&params.channel)?.has_presence() {
            return Err(ErrorCode::NotAvailable.into());
        }
        let present = hub.presence(&params.channel).await?;
        Ok(present.into_iter().map(|one| (one.member.to_string(), ClientInfo::from(one))).collect())
    }

    async fn history(&self, params: HistoryParams<'_>) -> Called {
        let hub = &self.0.hub;
        if hub.topic(&params.channel)?.history_limits().is_none() {
            return Err(ErrorCode::NotAvailable.into());
        }
        let reverse = params.reverse.unwrap_or(false);
        let since = params.since.map(|since| Position::new(Epoch::new(&since.epoch), since.offset));
        let page = match params.limit.unwrap_or(0) {
            0 => history::position_alone(hub.position(&params.channel).await?, since)?,
            limit => {
                let replay = hub.history(&params.channel, &history::begin(since.as_ref(), reverse)).await?;
                history::page(replay, since, limit, reverse)?
            }
        };
        Ok(json(&HistoryAnswer { publications: page.publications, epoch: page.epoch, offset: page.offset }))
    }

    async fn info(&self) -> Called {
        let nodes = self.0.hub.nodes().await?.nodes.into_iter().map(|node| NodeInfo {
            uid: format!("{:016x}", node.node),
            name: node.name,
            version: VERSION,
            num_clients: node.counters.members,
            num_users: node.users,
            num_subs: node.counters.subscriptions,
            num_channels: node.counters.topics,
            uptime: node.uptime.as_secs(),
        });
        Ok(json(&Info { nodes: nodes.collect() }))
    }
}

/// Returns the name of a channel that is not the server's own.
fn channel_of_clients(channel: &str) -> Result<&str, Fault> {
    if channel.is_empty() || channel.starts_with(RESERVED) { Err(ErrorCode::BadRequest.into()) } else { Ok(channel) }
}

/// A result, as JSON.
type Called = Result<Box<RawValue>, Fault>;

fn json(value: &impl Serialize) -> Box<RawValue> {
    // Serializing these types cannot fail: keys are strings, and payloads are made JSON.
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn read<'a, T: Deserialize<'a>>(params: &'a RawValue) -> Result<T, Fault> {
    serde_json::from_str(params.get()).map_err(|_| ErrorCode::BadRequest.into())
}

/// A call that is not carried out. The words are for a person who tries the API.
fn refused(status: StatusCode, words: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(words.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn has_key(headers: &HeaderMap, key: &str) -> bool {
    let plain = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = plain.or_else(|| authorization?.strip_prefix("apikey "));
    // Digests, so that the time of the comparison says nothing about the key.
    given.is_some_and(|given| digest(&SHA256, given.as_bytes()).as_ref() == digest(&SHA256, key.as_bytes()).as_ref())
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    commands: Vec<BTreeMap<String, &'a RawValue>>,
}

/// Of `publish`, with `channel`, and of `broadcast`, with `channels`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PublishParams<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    channels: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    b64data: Option<Cow<'a, str>>,
    #[serde(borrow)]
    idempotency_key: Option<Cow<'a, str>>,
    tags: Option<BTreeMap<String, String>>,
    skip_history: Option<bool>,
}

impl PublishParams<'_> {
    fn message(&self) -> Result<Message, Fault> {
        if self.skip_history == Some(true) {
            return Err(ErrorCode::NotAvailable.into());
        }
        match (&self.b64data, self.data) {
            (Some(encoded), _) if !encoded.is_empty() => {
                let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| Fault::from(ErrorCode::BadRequest))?;
                Ok(Message::from(bytes))
            }
            (_, Some(data)) => Ok(Message::from(data.get())),
            _ => Err(ErrorCode::BadRequest.into()),
        }
    }
}

/// Whom a method acts on: a user, or one of its connections. A connection has one name here, so `session` is the same as
/// `client`. Also the channel, which most of these methods have.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TargetParams<'a> {
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    client: Option<Cow<'a, str>>,
    #[serde(borrow)]
    session: Option<Cow<'a, str>>,
    #[serde(borrow)]
    channel: Cow<'a, str>,
}

impl TargetParams<'_> {
    /// Returns `None` if no client has these names.
    fn read(&self) -> Result<Option<Target>, Fault> {
        let mut named = [&self.client, &self.session].into_iter().flatten().filter(|id| !id.is_empty());
        let one = named.next();
        if self.user.is_empty() && one.is_none() {
            return Err(ErrorCode::BadRequest.into());
        }
        if named.next().is_some_and(|other| Some(other) != one) {
            return Ok(None);
        }
        let user = Some(self.user.as_ref()).filter(|user| !user.is_empty());
        Ok(match (user, one) {
            (Some(user), None) => Some(Target::user(user)),
            (Some(user), Some(id)) => id.parse().ok().map(|id| Target::user(user).only(id)),
            (None, Some(id)) => id.parse().ok().map(Target::member),
            (None, None) => None,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SubscribeParams<'a> {
    #[serde(borrow, flatten)]
    target: TargetParams<'a>,
    expire_at: Option<u64>,
    data: Option<Box<RawValue>>,
    recover_since: Option<StreamPosition>,
    info: Option<Box<RawValue>>,
    b64info: Option<Cow<'a, str>>,
    #[serde(rename = "override")]
    options: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RefreshParams<'a> {
    #[serde(borrow, flatten)]
    target: TargetParams<'a>,
    expired: Option<bool>,
    expire_at: Option<u64>,
    info: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChannelsParams<'a> {
    #[serde(borrow)]
    pattern: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DisconnectParams<'a> {
    #[serde(borrow, flatten)]
    target: TargetParams<'a>,
    whitelist: Option<Vec<String>>,
    disconnect: Option<CloseParams>,
}

#[derive(Deserialize)]
struct CloseParams {
    code: u16,
    #[serde(default)]
    reason: Cow<'static, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChannelParams<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HistoryParams<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    limit: Option<i32>,
    reverse: Option<bool>,
    since: Option<StreamPosition>,
}

/// An answer as the API has it.
#[derive(Serialize)]
enum Answer<'a> {
    #[serde(rename = "result")]
    Result(&'a RawValue),
    #[serde(rename = "error")]
    Error(&'a Fault),
}

impl<'a> From<&'a Called> for Answer<'a> {
    fn from(called: &'a Called) -> Self {
        match called {
            Ok(result) => Self::Result(result),
            Err(fault) => Self::Error(fault),
        }
    }
}

#[derive(Serialize)]
struct Replies {
    replies: Vec<BTreeMap<String, Box<RawValue>>>,
}

#[derive(Serialize)]
struct Responses {
    responses: Vec<Box<RawValue>>,
}

#[derive(Serialize)]
struct Published {
    offset: u64,
    epoch: String,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct PresenceAnswer {
    presence: BTreeMap<String, ClientInfo>,
}

#[derive(Serialize)]
struct Stats {
    num_clients: usize,
    num_users: usize,
}

impl Stats {
    fn of(presence: &BTreeMap<String, ClientInfo>) -> Self {
        let users: HashSet<_> = presence.values().map(|info| &info.user).collect();
        Self { num_clients: presence.len(), num_users: users.len() }
    }
}

#[derive(Serialize)]
struct HistoryAnswer {
    publications: Vec<Publication>,
    epoch: String,
    offset: u64,
}

#[derive(Serialize)]
struct ChannelsAnswer {
    channels: BTreeMap<String, ChannelInfo>,
}

#[derive(Serialize)]
struct ChannelInfo {
    num_clients: u64,
}

#[derive(Serialize)]
struct Info {
    nodes: Vec<NodeInfo>,
}

#[derive(Serialize)]
struct NodeInfo {
    uid: String,
    name: String,
    version: &'static str,
    num_clients: u64,
    num_users: u64,
    num_subs: u64,
    num_channels: u64,
    /// In seconds.
    uptime: u64,
}

/// How many channels an answer may have.
const MAX_CHANNELS: usize = 10_000;
/// How many commands one request may have.
const MAX_BATCH: usize = 1000;

const NO_KEYS: &str = "This API has no key, so nobody may call it.\n";
const WRONG_KEY: &str = "The header X-API-Key needs a key of this API.\n";
