//! Decisions of the program.

use std::{pin::Pin, time::SystemTime};

use bytes::Bytes;
use silverback_hub::{Identity, MemberId};

use crate::protocol::{codes::ErrorCode, messages::Fault};

/// A client that connects, for [`ServerBuilder::on_connect`](crate::ServerBuilder::on_connect).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connecting {
    /// The token, empty if the client has none.
    pub token: String,
    /// What the application of the client has sent along.
    pub data: Bytes,
    /// The name of the client program.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A client that may connect.
#[derive(Clone, Debug, Default)]
pub struct Login {
    pub(crate) identity: Identity,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) channels: Vec<String>,
    pub(crate) data: Bytes,
}

impl Login {
    /// As this user, for as long as the connection lasts.
    pub fn new(identity: Identity) -> Self {
        Self { identity, expires_at: None, channels: Vec::new(), data: Bytes::new() }
    }

    /// Sets when the client must show a new token. Default: never.
    #[must_use]
    pub fn expires_at(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Adds a channel that the server subscribes the client to. Default: none.
    #[must_use]
    pub fn channel(mut self, name: impl Into<String>) -> Self {
        self.channels.push(name.into());
        self
    }

    /// Sets what the application of the client gets with the reply. JSON for JSON clients. Default: nothing.
    #[must_use]
    pub fn data(mut self, data: impl Into<Bytes>) -> Self {
        self.data = data.into();
        self
    }
}

/// A call of a client, for [`ServerBuilder::on_rpc`](crate::ServerBuilder::on_rpc).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RpcCall {
    /// Who calls.
    pub identity: Identity,
    /// Its connection.
    pub member: MemberId,
    /// The method, empty if the client names none.
    pub method: String,
    /// The arguments: JSON from JSON clients.
    pub data: Bytes,
}

/// A message that a client has sent without expecting an answer, for
/// [`ServerBuilder::on_send`](crate::ServerBuilder::on_send).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SentData {
    /// Who has sent it.
    pub identity: Identity,
    /// Its connection.
    pub member: MemberId,
    /// The message: JSON from JSON clients.
    pub data: Bytes,
}

/// A refusal that the client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(crate) code: u32,
    pub(crate) message: String,
    pub(crate) is_temporary: bool,
}

impl Refusal {
    /// A refusal of the application. Codes from 400 to 1999 are free for it.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), is_temporary: false }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code: code.code(), message: code.to_string(), is_temporary: code.is_temporary() }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code, message: refusal.message, temporary: refusal.is_temporary }
    }
}

type HookFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

pub(crate) trait ConnectHook: Send + Sync {
    fn call(&self, connecting: Connecting) -> HookFuture<'_, Login>;
}

pub(crate) trait RpcHook: Send + Sync {
    fn call(&self, call: RpcCall) -> HookFuture<'_, Bytes>;
}

impl<F, R> ConnectHook for F
where
    F: Fn(Connecting) -> R + Send + Sync,
    R: Future<Output = Result<Login, Refusal>> + Send + 'static,
{
    fn call(&self, connecting: Connecting) -> HookFuture<'_, Login> {
        Box::pin(self(connecting))
    }
}

pub(crate) trait SendHook: Send + Sync {
    fn call(&self, sent: SentData) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<F, R> SendHook for F
where
    F: Fn(SentData) -> R + Send + Sync,
    R: Future<Output = ()> + Send + 'static,
{
    fn call(&self, sent: SentData) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self(sent))
    }
}

impl<F, R> RpcHook for F
where
    F: Fn(RpcCall) -> R + Send + Sync,
    R: Future<Output = Result<Bytes, Refusal>> + Send + 'static,
{
    fn call(&self, call: RpcCall) -> HookFuture<'_, Bytes> {
        Box::pin(self(call))
    }
}
