//! The authorization hook.

use std::{fmt, pin::Pin};

use crate::model::{
    error::Denied,
    identity::{Identity, MemberId},
    name::TopicName,
};

/// The request of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// Who asks.
    pub identity: Identity,
    /// The connection that asks.
    pub member: MemberId,
    /// The topic.
    pub topic: TopicName,
    /// The requested action.
    pub action: Action,
}

/// An action of a member on a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Get its publications.
    Subscribe,
    /// Publish.
    Publish,
    /// Read its history.
    History,
    /// See who is present.
    Presence,
}

/// Decides what members may do. Async functions and closures implement it:
///
/// ```
/// use silverback_hub::{Access, Action, Denied, Hub};
///
/// async fn rules(access: Access) -> Result<(), Denied> {
///     let topic = access.topic.as_str();
///     match topic.strip_prefix("user:") {
///         Some(user) if access.identity.user_id() != Some(user) => Err(Denied::new("not your topic")),
///         Some(_) if access.action == Action::Publish => Err(Denied::new("only the server publishes here")),
///         _ => Ok(()),
///     }
/// }
/// let hub = Hub::builder().authorize(rules);
/// ```
///
/// The methods of [`Member`](crate::Member) ask. Those of [`Hub`](crate::Hub) are the server's own and do not.
pub trait Authorize: Send + Sync + 'static {
    /// Returns whether a member may do this.
    fn authorize(&self, access: Access) -> Pin<Box<dyn Future<Output = Result<(), Denied>> + Send + '_>>;
}

impl<F, R> Authorize for F
where
    F: Fn(Access) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), Denied>> + Send + 'static,
{
    fn authorize(&self, access: Access) -> Pin<Box<dyn Future<Output = Result<(), Denied>> + Send + '_>> {
        Box::pin(self(access))
    }
}

/// The default: every member may do everything.
pub(super) struct Everyone;

impl Authorize for Everyone {
    fn authorize(&self, _: Access) -> Pin<Box<dyn Future<Output = Result<(), Denied>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl fmt::Debug for dyn Authorize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorize")
    }
}
