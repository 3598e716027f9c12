//! The members that are present in a topic. A member that is not renewed in time is gone, so a node that dies leaves no
//! ghosts.

use std::{collections::HashMap, time::Instant};

use crate::model::identity::{Identity, MemberId, Present};

/// The leases of one topic.
#[derive(Debug, Default)]
pub(crate) struct Leases(HashMap<MemberId, (Instant, Identity)>);

impl Leases {
    /// Makes a member present until `until`. Returns whether it is new.
    pub(crate) fn renew(&mut self, member: MemberId, identity: Identity, until: Instant) -> bool {
        self.0.insert(member, (until, identity)).is_none()
    }

    /// Ends a lease. Returns whether there was one.
    pub(crate) fn release(&mut self, member: MemberId) -> bool {
        self.0.remove(&member).is_some()
    }

    /// Ends the leases that were not renewed in time. Returns how many.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        let before = self.0.len();
        self.0.retain(|_, (until, _)| *until > now);
        before - self.0.len()
    }

    /// Returns who is present now, in the order of their ids.
    pub(crate) fn present(&self, now: Instant) -> Vec<Present> {
        let valid = self.0.iter().filter(|(_, (until, _))| *until > now);
        let mut present: Vec<_> = valid.map(|(id, (_, identity))| Present::new(*id, identity.clone())).collect();
        present.sort_by_key(|present| present.member);
        present
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
