//! The ids of recent publications, so that one that is sent again is not published again.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::model::{
    name::{Label, TopicName},
    position::Position,
};

/// The ids of all topics, limited by count and age. If there are too many, the oldest are forgotten first.
#[derive(Debug)]
pub(crate) struct Window {
    known: HashMap<(TopicName, Label), Option<Position>>,
    order: VecDeque<(Instant, (TopicName, Label))>,
    size: usize,
    age: Duration,
}

impl Window {
    pub(crate) fn new(size: usize, age: Duration) -> Self {
        Self { known: HashMap::new(), order: VecDeque::new(), size, age }
    }

    /// Returns where the publication with this id is, if it was published within the window.
    pub(crate) fn find(&mut self, now: Instant, topic: &TopicName, id: &Label) -> Option<Option<Position>> {
        self.expire(now);
        self.known.get(&(topic.clone(), id.clone())).cloned()
    }

    /// Notes a publication whose id was not known.
    pub(crate) fn note(&mut self, now: Instant, topic: &TopicName, id: &Label, position: Option<Position>) {
        let key = (topic.clone(), id.clone());
        self.known.insert(key.clone(), position);
        self.order.push_back((now, key));
        while self.order.len() > self.size {
            self.forget_first();
        }
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= self.age) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.known.remove(&key);
        }
    }
}
