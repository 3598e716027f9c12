//! The data of the hub, tested without tasks and without a clock: conversations, and random operations beside a version
//! that a child could check.

mod backlog;
mod index;
mod questions;
mod recovery;
mod spread;
mod store;
mod stream;

use std::time::{Duration, Instant};

use crate::model::{
    name::TopicName,
    position::{Epoch, Position},
    publication::Publication,
};

fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

fn at(epoch: &str, offset: u64) -> Position {
    Position::new(Epoch::new(epoch), offset)
}

/// A publication whose payload is its number.
fn numbered(name: &str, number: u64) -> Publication {
    Publication::new(topic(name), number.to_string())
}

fn stored(epoch: &str, offset: u64) -> Publication {
    numbered("t", offset).at(Some(at(epoch, offset)))
}

fn offsets(publications: &[Publication]) -> Vec<u64> {
    publications.iter().map(|publication| publication.position.as_ref().unwrap().offset).collect()
}

/// Some instant, and those after it.
struct Clock(Instant);

impl Clock {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn at(&self, seconds: u64) -> Instant {
        self.0 + Duration::from_secs(seconds)
    }
}
