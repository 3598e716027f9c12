//! The end of a hub before its process ends.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::Hub;
use crate::{node::commands::Command, random, topics::spread::spread};

impl Hub {
    /// Closes all members, spread over `window` with jitter, and refuses new ones. Returns how many were closed.
    ///
    /// The code tells clients to reconnect: 1012, or that of [`HubBuilder::drain_code`](crate::HubBuilder::drain_code).
    /// If all of them did so at the same moment, the other nodes would have to bear it. Make the load balancer send no
    /// new connections before, for example with [`is_ready`](Self::is_ready).
    ///
    /// At the end it waits, for 10 s at most, until the engine knows that the members have left. So no other node shows
    /// them as present after this process has ended.
    ///
    /// # Cancel safety
    /// If the future is dropped, the hub still refuses new members, and those that are left stay. Call it again to
    /// continue.
    pub async fn drain(&self, window: Duration) -> usize {
        let node = self.node();
        node.begin_drain();
        let members = node.members().await;
        let begin = Instant::now();
        let (code, reason): (u16, Arc<str>) = (self.0.drain_code.get(), "draining".into());
        for (member, after) in members.iter().zip(spread(members.len(), window, random::fraction)) {
            sleep_until(begin + after).await;
            node.send(*member, Command::Close { member: *member, code, reason: reason.clone() });
        }
        if !members.is_empty() {
            // Asked again, so that the shards have come to the last one.
            node.members().await;
            node.idle().await;
        }
        node.say_goodbye().await;
        members.len()
    }
}
