//! What the server orders for this client, on whatever node it is.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::state::{End, Session, instant, ttl};
use crate::{
    notice::Notice,
    protocol::{
        codes::Disconnect,
        messages::{Push, Refresh, Reply, SubscribeRequest},
    },
};

impl Session {
    pub(super) async fn handle_notice(&mut self, notice: &[u8]) -> Result<(), End> {
        match Notice::decode(notice) {
            Some(Notice::Subscribe { channel, expire_at, data, recover_since }) => {
                if self.subscriptions.contains_key(&channel) {
                    return Ok(());
                }
                let request = SubscribeRequest {
                    recover: recover_since.is_some(),
                    epoch: recover_since.as_ref().map(|since| since.epoch.clone()).unwrap_or_default(),
                    offset: recover_since.map_or(0, |since| since.offset),
                    data: data.unwrap_or_default().into(),
                    ..SubscribeRequest::default()
                };
                self.push_subscription(channel, request, expire_at.map(at)).await
            }
            Some(Notice::Unsubscribe { channel }) => {
                self.end_subscription(&channel, UNSUBSCRIBED, "server unsubscribe").await
            }
            Some(Notice::Refresh { expired: true, .. }) => Err(Disconnect::EXPIRED.into()),
            Some(Notice::Refresh { expire_at, .. }) => {
                self.expires_at = expire_at.map(at);
                let refresh = Refresh { expires: self.expires_at.is_some(), ttl: self.expires_at.map_or(0, ttl) };
                let push = Some(Push { refresh: Some(refresh), ..Push::default() });
                self.send(&Reply { push, ..Reply::default() }).await
            }
            // From a newer version.
            None => Ok(()),
        }
    }
}

/// A time in seconds since 1970.
fn at(seconds: u64) -> Instant {
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds.min(FAR_FUTURE)));
    instant(at.unwrap_or_else(SystemTime::now))
}

/// The year 9999.
const FAR_FUTURE: u64 = 253_370_764_800;
/// The code of a subscription that the server has ended. The client does not subscribe again.
const UNSUBSCRIBED: u32 = 2000;
