//! The configuration of a hub.

use std::{fmt, sync::Arc, thread::available_parallelism, time::Duration};

use silverback::CloseCode;
use tokio::runtime::Handle;

use super::{
    Hub,
    access::{Authorize, Everyone},
    shared::Shared,
};
use crate::{
    encoding::{Encoding, Plain},
    engine::Engine,
    memory::Memory,
    model::{
        error::HubError,
        limits::Limits,
        name::Label,
        pattern::Patterns,
        topic::{Slow, Topic},
    },
    node::{self, keeper::Pace},
};

/// Configures a hub; see [`Hub::builder`].
#[must_use = "the hub begins with `start`"]
pub struct HubBuilder {
    engine: Box<dyn Engine>,
    patterns: Patterns,
    rules: Box<dyn Authorize>,
    encoding: Arc<dyn Encoding>,
    limits: Limits,
    shards: usize,
    pace: Pace,
    drain_code: CloseCode,
    name: String,
}

impl Hub {
    /// Begins the configuration of a hub.
    pub fn builder() -> HubBuilder {
        HubBuilder::new()
    }
}

impl HubBuilder {
    fn new() -> Self {
        Self {
            engine: Box::new(Memory::new()),
            patterns: Patterns::default(),
            rules: Box::new(Everyone),
            encoding: Arc::new(Plain),
            limits: Limits::default(),
            shards: available_parallelism().map_or(1, usize::from),
            pace: Pace { lease: Duration::from_secs(30), check: Duration::from_secs(30) },
            drain_code: CloseCode::SERVICE_RESTART,
            name: String::new(),
        }
    }

    /// Sets the engine, or a `Box<dyn Engine>`. Default: [`Memory`], for one node.
    pub fn engine(mut self, engine: impl Engine) -> Self {
        self.engine = Box::new(engine);
        self
    }

    /// Sets the options of the topics that match a pattern: a name, or a prefix and `*`. The most specific pattern
    /// wins: a name, then the longest prefix. All nodes must have the same options. Default: [`Topic::new`] for every
    /// name.
    pub fn topics(mut self, pattern: &str, topic: Topic) -> Self {
        self.patterns.add(pattern, topic);
        self
    }

    /// Sets who may subscribe, publish, and read history and presence; see [`Authorize`]. Default: every member may.
    pub fn authorize(mut self, rules: impl Authorize) -> Self {
        self.rules = Box::new(rules);
        self
    }

    /// Sets how publications become messages. Default: [`Plain`], payloads only.
    pub fn encoding(mut self, encoding: impl Encoding) -> Self {
        self.encoding = Arc::new(encoding);
        self
    }

    /// Sets the limits. Each has a finite default.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how many tasks send publications to members. Default: one for each core.
    pub fn shards(mut self, count: usize) -> Self {
        self.shards = count.clamp(1, MAX_SHARDS);
        self
    }

    /// Sets how long a member stays present after its node has died. Default: 30 s. A node renews three times in this
    /// time.
    pub fn lease(mut self, lasts: Duration) -> Self {
        self.pace.lease = lasts.max(Duration::from_millis(100));
        self
    }

    /// Sets how often the positions of topics with history are compared with the engine's, which finds losses that no
    /// later publication reveals. Default: every 30 s, and after each reconnect.
    pub fn check_positions(mut self, every: Duration) -> Self {
        self.pace.check = every.max(Duration::from_millis(100));
        self
    }

    /// Sets the name of this node for [`Hub::nodes`], for example its host and port. Up to 128 bytes without control
    /// characters. Default: none.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the close code of a drain. Default: 1012, which means that the service restarts.
    pub fn drain_code(mut self, code: impl Into<CloseCode>) -> Self {
        self.drain_code = code.into();
        self
    }

    /// Starts the hub. Its tasks run on the current tokio runtime until the last [`Hub`] and
    /// [`Member`](crate::Member) are dropped.
    ///
    /// # Errors
    /// Fails if a pattern is empty or has a `*` that is not its end, if the name of the node is not valid, if a close
    /// code must not be sent, or if the engine cannot do what the options of a topic ask for or does not start. An
    /// engine that is not connected yet does not fail: see [`Hub::is_ready`].
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub async fn start(self) -> Result<Hub, HubError> {
        if let Some(pattern) = self.patterns.invalid() {
            return Err(HubError::Pattern(pattern));
        }
        if !self.name.is_empty() {
            Label::new(&self.name)?;
        }
        let slow = self.patterns.all().filter_map(|topic| match topic.slow() {
            Slow::Disconnect(code) => Some(CloseCode::new(code)),
            _ => None,
        });
        if let Some(code) = slow.chain([self.drain_code]).find(|code| !code.is_sendable()) {
            return Err(HubError::CloseCode(code.get()));
        }
        self.patterns.all().try_for_each(|topic| self.engine.check(topic))?;
        let node = node::start(self.engine, self.patterns, self.limits, self.shards, self.pace, self.name).await?;
        Ok(Hub(Arc::new(Shared {
            node,
            rules: self.rules,
            encoding: self.encoding,
            drain_code: self.drain_code,
            runtime: Handle::current(),
        })))
    }
}

impl fmt::Debug for HubBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubBuilder")
            .field("engine", &self.engine)
            .field("patterns", &self.patterns)
            .field("limits", &self.limits)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

/// More tasks than any machine has cores.
const MAX_SHARDS: usize = 1024;
