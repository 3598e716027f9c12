//! What a server serves beside its health checks: the interface between this room and the commands that serve.

use std::{borrow::Cow, fmt::Debug, future::Future, pin::Pin};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use silverback::{CloseCode, Conn, proto::handshake::ServerHandshake};

use super::{monitor::exposition::Figure, open_connections::Presence, sockets::Client};

/// The paths of a command, and what happens there. All threads share it.
pub(crate) trait Site: Debug + Send + Sync + 'static {
    /// Returns what the path of a request is for.
    fn resource(&self, request: &Request<()>) -> Resource;

    /// Answers a GET request for a [`Resource::Document`]. `None` if there is nothing.
    fn document(&self, request: &Request<()>) -> Option<Response<Body>>;

    /// Decides about a handshake that the server itself would accept.
    fn open(&self, request: &Request<()>, handshake: &ServerHandshake, client: Client) -> Result<Opening, Refused>;

    /// Answers a request for a [`Resource::Call`], whose body has been read.
    fn call(&self, request: Request<Bytes>) -> Calling;

    /// Whether new connections are welcome, if the server does not drain.
    fn is_ready(&self) -> bool;

    /// The figures of this site for an operator, beside those of the server.
    fn figures(&self) -> Vec<Figure> {
        Vec::new()
    }

    /// Returns the state of the engine behind this site, if it has one.
    fn engine(&self) -> Option<Value> {
        None
    }

    /// Returns the topics of this site that match a pattern, and at most so many. `None` if it has no topics.
    fn topics(&self, _pattern: &str, _limit: usize) -> Option<Value> {
        None
    }

    /// The words of this site in answers of the server.
    fn words(&self) -> &'static Words;
}

/// What a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// WebSockets.
    WebSocket,
    /// Something to read.
    Document,
    /// Requests with a body of up to `limit` bytes.
    Call { limit: usize },
    /// Nothing.
    Missing,
}

/// The words of a site.
#[derive(Debug)]
pub(crate) struct Words {
    /// The path to name to a client that came without TLS.
    pub(crate) websocket_path: &'static str,
    /// Added to the answer to a request that should be a handshake.
    pub(crate) what_this_is: &'static str,
    /// The answer where there is nothing.
    pub(crate) not_found: &'static str,
}

/// A WebSocket that is about to open.
pub(crate) struct Opening {
    /// The subprotocol to select.
    pub(crate) subprotocol: Option<String>,
    /// The code that tells the client that this server ends.
    pub(crate) goodbye: CloseCode,
    /// Starts the task of the connection.
    pub(crate) begin: Box<dyn FnOnce(Conn, Presence) + Send>,
}

/// The answer to a handshake that the site refuses.
pub(crate) type Refused = Box<Response<Body>>;

/// The answer to a call.
pub(crate) type Calling = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

pub(crate) type Body = Cow<'static, [u8]>;
