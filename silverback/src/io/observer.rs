//! Looking at the peer's control frames (RFC 6455, 5.5) while the reads answer them.
//! The answers are the core's business; whoever wants control frames in the order of the messages has `read_event`.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use silverback_proto::{CloseFrame, ReceivedEvent};

/// A control frame that the peer sent, as an observer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control<'a> {
    /// A ping, of at most 125 bytes.
    Ping(&'a [u8]),
    /// A pong, asked for or not.
    Pong(&'a [u8]),
    /// A Close frame; an empty one has neither code nor reason.
    Close(Option<&'a CloseFrame>),
}

/// Who is shown control frames.
#[derive(Default)]
pub(crate) struct Observer(Option<Box<Mutex<Observe>>>);

type Observe = dyn FnMut(Control<'_>) + Send;

impl Observer {
    pub(crate) fn new(observer: impl FnMut(Control<'_>) + Send + 'static) -> Self {
        Self(Some(Box::new(Mutex::new(observer))))
    }

    pub(crate) fn tell(&mut self, received: &ReceivedEvent) {
        let Some(observer) = &mut self.0 else { return };
        // The lock makes connections `Sync`. It is never taken.
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
