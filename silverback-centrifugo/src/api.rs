//! The HTTP API for the program's other services: `POST /api/METHOD` with a key.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use silverback::Message;
use silverback_hub::{Epoch, Position};

use crate::{
    history,
    protocol::{
        codes::{Disconnect, ErrorCode},
        messages::{ClientInfo, Fault, Publication, StreamPosition},
    },
    server::{Server, VERSION},
};

impl Server {
    /// Answers a request of the HTTP API. Mount it at `/api/{method}`: the last part of the path names the method. The
    /// key is in the header `X-API-Key`, or in `Authorization: apikey KEY`.
    ///
    /// Methods: `publish`, `broadcast`, `disconnect`, `presence`, `presence_stats`, `history`, `info` (of this node) and
    /// `batch`. They are the program's own and ask no [rules](silverback_hub::HubBuilder::authorize).
    ///
    /// A request without a valid key gets 401, one for another method 404, and one that is no JSON object 400. Other
    /// failures are an `error` in an answer with 200, as clients of this API expect. Limit the size of the body before.
    ///
    /// # Cancel safety
    /// If the future is dropped, the request may have been carried out or not.
    pub async fn handle_api(&self, request: Request<Bytes>) -> Response<Bytes> {
        if !self.0.api_keys.iter().any(|key| has_key(request.headers(), key)) {
            return empty(StatusCode::UNAUTHORIZED);
        }
        if request.method() != Method::POST {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        let Ok(params) = serde_json::from_slice::<&RawValue>(request.body()) else {
            return empty(StatusCode::BAD_REQUEST);
        };
        let answer = match method {
            "batch" => self.batch(params).await,
            method => self.call(method, params).await,
        };
        if matches!(&answer, Err(fault) if fault.code == ErrorCode::MethodNotFound.code()) {
            return empty(StatusCode::NOT_FOUND);
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
            "disconnect" => self.disconnect(read(params)?).await,
            "presence" => self.present(read(params)?).await.map(|presence| json(&PresenceAnswer { presence })),
            "presence_stats" => self.present(read(params)?).await.map(|presence| json(&Stats::of(&presence))),
            "history" => self.history(read(params)?).await,
            "info" => Ok(json(&self.info())),
            _ => Err(ErrorCode::MethodNotFound.into()),
        }
    }

    async fn publish(&self, publish: PublishParams<'_>) -> Result<Published, Fault> {
        let message = publish.message()?;
        self.publish_to(&publish.channel, message, publish.idempotency_key.as_deref()).await
    }

    async fn broadcast(&self, broadcast: PublishParams<'_>) -> Called {
        let message = broadcast.message()?;
        let mut responses = Vec::new();
        for channel in &broadcast.channels {
            let id = broadcast.idempotency_key.as_deref();
            let published = self.publish_to(channel, message.clone(), id).await.map(|published| json(&published));
            responses.push(json(&Answer::from(&published)));
        }
        Ok(json(&Responses { responses }))
    }

    async fn publish_to(&self, channel: &str, message: Message, id: Option<&str>) -> Result<Published, Fault> {
        let publish = self.0.hub.publish(channel, message);
        let publish = match id.filter(|id| !id.is_empty()) {
            Some(id) => publish.id(id),
            None => publish,
        };
        let position = publish.await?.position.unwrap_or_else(Position::start);
        Ok(Published { offset: position.offset, epoch: position.epoch.to_string() })
    }

    async fn disconnect(&self, params: DisconnectParams<'_>) -> Called {
        // To close all connections of the user in place of one would be worse than to refuse.
        let is_for_some = params.client.is_some_and(|client| !client.is_empty())
            || params.session.is_some_and(|session| !session.is_empty())
            || params.whitelist.is_some_and(|list| !list.is_empty());
        if is_for_some {
            return Err(ErrorCode::NotAvailable.into());
        }
        let (code, reason) = match params.disconnect {
            Some(close) => (close.code, close.reason),
            None => (Disconnect::FORCED.code, Disconnect::FORCED.reason),
        };
        if params.user.is_empty() || !(3000..=4999).contains(&code) {
            return Err(ErrorCode::BadRequest.into());
        }
        self.0.hub.disconnect(&*params.user, code, &reason).await?;
        Ok(json(&Nothing {}))
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
        let replay = hub.history(&params.channel, &history::begin(since.as_ref(), reverse)).await?;
        let page = history::page(replay, since, params.limit.unwrap_or(0), reverse)?;
        Ok(json(&HistoryAnswer { publications: page.publications, epoch: page.epoch, offset: page.offset }))
    }

    fn info(&self) -> Info {
        let counters = self.0.hub.counters();
        let node = NodeInfo {
            uid: self.0.instance.clone(),
            name: String::new(),
            version: VERSION,
            num_clients: counters.members,
            num_users: 0,
            num_subs: counters.subscriptions,
            num_channels: counters.topics,
            uptime: self.0.begun.elapsed().as_secs(),
        };
        Info { nodes: [node] }
    }
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

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
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

#[derive(Default, Deserialize)]
#[serde(default)]
struct DisconnectParams<'a> {
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    client: Option<Cow<'a, str>>,
    #[serde(borrow)]
    session: Option<Cow<'a, str>>,
    #[serde(borrow)]
    whitelist: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    disconnect: Option<CloseParams<'a>>,
}

#[derive(Deserialize)]
struct CloseParams<'a> {
    code: u16,
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
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
struct Info {
    nodes: [NodeInfo; 1],
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

/// How many commands one request may have.
const MAX_BATCH: usize = 1000;
