//! Why a call to the hub or to its engine failed.

use std::{error::Error as StdError, fmt};

use super::{limits::LimitError, name::NameError};

/// Why a call to the hub failed. The members' connections are as they were.
#[derive(Debug)]
#[non_exhaustive]
pub enum HubError {
    /// The name of the topic, the id or the key is not valid.
    Name(NameError),
    /// A limit was reached.
    Limit(LimitError),
    /// The authorization hook refused. This is its reason.
    Denied(Denied),
    /// The member is subscribed to this topic already.
    AlreadySubscribed,
    /// The history does not have everything after the position of [`Start::AllAfter`](crate::Start::AllAfter).
    Incomplete,
    /// The member has left the hub or the topic, or its connection is gone.
    Left,
    /// The hub's tasks have ended with their runtime.
    Stopped,
    /// This pattern of [`HubBuilder::topics`](crate::HubBuilder::topics) is empty or has a `*` that is not its end.
    Pattern(String),
    /// [`Slow::Disconnect`](crate::Slow::Disconnect) or another option has a close code that must not be sent (RFC
    /// 6455, 7.4).
    CloseCode(u16),
    /// The engine failed.
    Engine(EngineError),
}

/// Why an engine failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum EngineError {
    /// The engine has no connection to its broker. It reconnects by itself.
    Down,
    /// The broker did not answer in time, so it may have accepted the call or not. Publish again with the same id.
    TimedOut,
    /// A limit of the engine was reached.
    Limit(LimitError),
    /// Another reason.
    Other(Box<dyn StdError + Send + Sync>),
}

/// The refusal of an authorization hook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denied(String);

impl Denied {
    /// A refusal with a reason for the application. Clients see it only if the application tells them.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// Returns the reason.
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Limit(error) => error.fmt(f),
            Self::Denied(denied) => denied.fmt(f),
            Self::AlreadySubscribed => f.write_str("the member is subscribed to this topic already"),
            Self::Incomplete => f.write_str("the history does not reach back to the position"),
            Self::Left => f.write_str("the member has left the hub or the topic"),
            Self::Stopped => f.write_str("the hub has stopped with its runtime"),
            Self::Pattern(pattern) => write!(f, "the pattern {pattern:?} is not a name, or a prefix and one `*`"),
            Self::CloseCode(code) => write!(f, "the close code {code} must not be sent; use 1000 or 3000 to 4999"),
            Self::Engine(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("the engine has no connection to its broker"),
            Self::TimedOut => f.write_str("the broker did not answer in time"),
            Self::Limit(error) => error.fmt(f),
            Self::Other(error) => write!(f, "the engine failed: {error}"),
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("not allowed") } else { write!(f, "not allowed: {}", self.0) }
    }
}

impl StdError for HubError {}
impl StdError for EngineError {}
impl StdError for Denied {}

impl From<NameError> for HubError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl From<LimitError> for HubError {
    fn from(error: LimitError) -> Self {
        Self::Limit(error)
    }
}

impl From<Denied> for HubError {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<EngineError> for HubError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Limit(limit) => Self::Limit(limit),
            error => Self::Engine(error),
        }
    }
}
