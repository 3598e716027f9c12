//! Observes the peer's control frames (RFC 6455, 5.5) while reads answer them. The core sends the answers. To get
//! control frames in the order of the messages, use `read_event`.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use silverback_proto::{CloseFrame, ReceivedEvent};

/// A control frame from the peer, as an observer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control<'a> {
    /// A ping, with at most 125 bytes.
    Ping(&'a [u8]),
    /// A pong, whether it answers a ping or not.
    Pong(&'a [u8]),
    /// A Close frame. An empty one has no code and no reason.
    Close(Option<&'a CloseFrame>),
}

/// The application's observer of control frames.
#[derive(Default)]
pub(crate) struct Observer(Option<Box<Mutex<Observe>>>);

type Observe = dyn FnMut(Control<'_>) + Send;

impl Observer {
    pub(crate) fn new(observer: impl FnMut(Control<'_>) + Send + 'static) -> Self {
        Self(Some(Box::new(Mutex::new(observer))))
    }

    pub(crate) fn tell(&mut self, received: &ReceivedEvent) {
        let Some(observer) = &mut self.0 else { return };
        // The lock is never taken. It only makes connections `Sync`.
        let observer = observer.get_mut().unwrap_or_else(PoisonError::into_inner);
        match received {
            ReceivedEvent::Ping(payload) => observer(Control::Ping(payload.as_slice())),
            ReceivedEvent::Pong(payload) => observer(Control::Pong(payload.as_slice())),
            ReceivedEvent::Close(close) => observer(Control::Close(close.as_ref())),
            ReceivedEvent::Message(_) | ReceivedEvent::Piece { .. } => {}
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Observer" } else { "None" })
    }
}
