//! A member as its handle, its shard and the node share it.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::model::{
    error::HubError,
    identity::{Identity, MemberId, Present},
    limits::LimitError,
    name::TopicName,
};

#[derive(Debug)]
pub(crate) struct Joined {
    /// Shared with the publications of this member.
    present: Arc<Present>,
    /// Subscriptions, and those that are about to begin. So a second one to the same topic fails before it could
    /// disturb the first.
    topics: Mutex<HashSet<TopicName>>,
    notices: Notices,
}

/// Notices that wait for the application of a member.
#[derive(Debug, Default)]
struct Notices {
    are_taken: AtomicBool,
    waiting: Mutex<VecDeque<Bytes>>,
    arrived: Notify,
}

impl Joined {
    pub(crate) fn new(id: MemberId, identity: Identity) -> Self {
        let present = Arc::new(Present::new(id, identity));
        Self { present, topics: Mutex::default(), notices: Notices::default() }
    }

    pub(crate) fn id(&self) -> MemberId {
        self.present.member
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.present.identity
    }

    pub(crate) fn present(&self) -> &Arc<Present> {
        &self.present
    }

    /// Counts one more subscription.
    pub(crate) fn count(&self, name: &TopicName, limit: usize) -> Result<(), HubError> {
        let mut topics = lock(&self.topics);
        if topics.contains(name) {
            return Err(HubError::AlreadySubscribed);
        }
        if topics.len() >= limit {
            return Err(LimitError::TopicsPerMember(limit).into());
        }
        topics.insert(name.clone());
        Ok(())
    }

    /// Takes a counted subscription back.
    pub(crate) fn uncount(&self, name: &TopicName) {
        lock(&self.topics).remove(name);
    }

    /// Gives a notice to the application if it takes them. Returns `false` if too many wait already.
    pub(crate) fn notify(&self, notice: &Bytes) -> bool {
        if !self.notices.are_taken.load(Ordering::Acquire) {
            return true;
        }
        let mut waiting = lock(&self.notices.waiting);
        if waiting.len() >= MAX_NOTICES {
            return false;
        }
        waiting.push_back(notice.clone());
        drop(waiting);
        self.notices.arrived.notify_one();
        true
    }

    /// Notes that the application takes notices from now on.
    pub(crate) fn take_notices(&self) {
        self.notices.are_taken.store(true, Ordering::Release);
    }

    /// Returns the next notice.
    pub(crate) async fn notice(&self) -> Bytes {
        loop {
            let next = lock(&self.notices.waiting).pop_front();
            match next {
                Some(notice) => return notice,
                None => self.notices.arrived.notified().await,
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notices that may wait for one member.
const MAX_NOTICES: usize = 64;
