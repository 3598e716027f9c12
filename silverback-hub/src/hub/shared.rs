//! The state that the handles of a hub share.

use std::sync::Arc;

use silverback::CloseCode;
use tokio::runtime::Handle;

use super::access::{Access, Action, Authorize};
use crate::{
    encoding::Encoding,
    model::{
        error::HubError,
        identity::{Identity, MemberId, Present},
        name::TopicName,
        position::Position,
    },
    node::routing::Node,
    topics::recovery::Replay,
};

pub(super) struct Shared {
    pub(super) node: Arc<Node>,
    pub(super) rules: Box<dyn Authorize>,
    pub(super) encoding: Arc<dyn Encoding>,
    pub(super) drain_code: CloseCode,
    pub(super) runtime: Handle,
}

/// The last [`Hub`](super::Hub) and [`Member`](super::member::Member) are gone. What the engine holds for their members
/// is given back by a task, if the runtime still lives. Otherwise presence ends with its lease.
impl Drop for Shared {
    fn drop(&mut self) {
        let node = self.node.clone();
        self.runtime.spawn(async move { node.end().await });
    }
}

impl Shared {
    /// Asks the hook.
    pub(super) async fn may(
        &self,
        identity: &Identity,
        member: MemberId,
        name: &TopicName,
        action: Action,
    ) -> Result<(), HubError> {
        let access = Access { identity: identity.clone(), member, topic: name.clone(), action };
        Ok(self.rules.authorize(access).await?)
    }

    pub(super) async fn presence(&self, name: &TopicName) -> Result<Vec<Present>, HubError> {
        Ok(self.node.call(self.node.engine.present(name)).await?)
    }

    pub(super) async fn position(&self, name: &TopicName) -> Result<Option<Position>, HubError> {
        let node = &self.node;
        Ok(node.call(node.engine.position(name, node.options(name))).await?)
    }

    pub(super) async fn history(&self, name: &TopicName, after: &Position) -> Result<Replay, HubError> {
        let node = &self.node;
        Ok(node.call(node.engine.since(name, node.options(name), after)).await?)
    }
}
