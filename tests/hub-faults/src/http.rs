//! Requests to the HTTP side of a node.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

/// A connection to a node that is kept between requests.
pub(crate) struct Client {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// The position of a publication.
#[derive(Debug)]
pub(crate) struct Position {
    pub(crate) epoch: Arc<str>,
    pub(crate) offset: u64,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// Publishes once. The same `id` is accepted once.
    pub(crate) async fn publish(&mut self, topic: &str, id: &str, data: Value) -> Result<Position, String> {
        let params = json!({ "channel": topic, "data": data, "idempotency_key": id });
        let published: Published = self.call("publish", &params).await?;
        Ok(Position { epoch: published.epoch.into(), offset: published.offset })
    }

    /// Returns the ids of the clients that are present in a topic.
    pub(crate) async fn present(&mut self, topic: &str) -> Result<Vec<String>, String> {
        let answer: Presence = self.call("presence", &json!({ "channel": topic })).await?;
        Ok(answer.presence.into_keys().collect())
    }

    /// Returns the status and the body of a path.
    pub(crate) async fn get(&mut self, path: &str) -> Result<(StatusCode, Bytes), String> {
        let request = Request::get(path).header(header::HOST, self.address.to_string()).body(Full::default());
        self.send(request.map_err(|error| error.to_string())?).await
    }

    async fn call<T: for<'a> Deserialize<'a>>(&mut self, method: &str, params: &Value) -> Result<T, String> {
        let request = Request::post(format!("/api/{method}"))
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-api-key", API_KEY)
            .body(Full::from(params.to_string()))
            .map_err(|error| error.to_string())?;
        let (status, body) = self.send(request).await?;
        if status != StatusCode::OK {
            return Err(format!("{method}: status {status}"));
        }
        match serde_json::from_slice(&body) {
            Ok(Answer::Result(result)) => Ok(result),
            Ok(Answer::Error(error)) => Err(format!("{method}: error {error}")),
            Err(error) => Err(format!("{method}: {error}")),
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
        let answer = match timeout(PATIENCE, self.exchange(request)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        };
        // The answer of this request must not be taken for that of the next.
        self.sender = None;
        answer
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
        let sender = match &mut self.sender {
            Some(sender) if !sender.is_closed() => sender,
            sender => sender.insert(connect(self.address).await.map_err(|error| error.to_string())?),
        };
        sender.ready().await.map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }
}

async fn connect(address: SocketAddr) -> io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

#[derive(Deserialize)]
enum Answer<T> {
    #[serde(rename = "result")]
    Result(T),
    #[serde(rename = "error")]
    Error(Value),
}

#[derive(Deserialize)]
struct Published {
    offset: u64,
    epoch: String,
}

#[derive(Deserialize)]
struct Presence {
    presence: BTreeMap<String, Value>,
}

/// Of the nodes.
pub(crate) const API_KEY: &str = "the key of the runs with faults";
/// How long an answer may take before the request is sent again, elsewhere.
const PATIENCE: Duration = Duration::from_secs(3);
