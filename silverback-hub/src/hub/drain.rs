//! The end of a hub before its process ends.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::Hub;
use crate::{node::commands::Command, random, topics::spread::spread};

impl Hub {
    /// Closes all members, spread over `window` with jitter, and refuses new ones. Returns how many were closed.
    ///
    /// The code tells clients to reconnect: 1012, or that of [`HubBuilder::drain_code`](crate::HubBuilder::drain_code).
    /// If all of them did so at the same moment, the other nodes would have to bear it. Make the load balancer send no
    /// new connections before, for example with [`is_ready`](Self::is_ready).
    ///
    /// # Cancel safety
    /// If the future is dropped, the hub still refuses new members, and those that are left stay. Call it again to
    /// continue.
    pub async fn drain(&self, window: Duration) -> usize {
        let node = self.node();
        node.begin_drain();
        let mut members = Vec::new();
        for shard in node.shards() {
            let (reply, answer) = oneshot::channel();
            if shard.send(Command::Members(reply)).is_ok() {
                members.extend(answer.await.unwrap_or_default());
            }
        }
        let begin = Instant::now();
        let (code, reason): (u16, Arc<str>) = (self.0.drain_code.get(), "draining".into());
        for (member, after) in members.iter().zip(spread(members.len(), window, random::fraction)) {
            sleep_until(begin + after).await;
            node.send(*member, Command::Close { member: *member, code, reason: reason.clone() });
        }
        members.len()
    }
}
