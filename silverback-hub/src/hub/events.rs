//! Listening to the hub.

use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::model::event::HubEvent;

/// The events of a hub, from the call of [`Hub::events`](crate::Hub::events) on.
#[derive(Debug)]
pub struct HubEvents(pub(super) Receiver<HubEvent>);

impl HubEvents {
    /// Returns the next event, or `None` once the hub is gone.
    ///
    /// A listener that is too slow gets [`HubEvent::Missed`] and then the next events. It is not an end.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<HubEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(missed)) => Some(HubEvent::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}
