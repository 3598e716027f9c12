//! Looking at the peer's control frames (RFC 6455, 5.5) while the reads answer them.
//! The answers are the core's business; whoever wants control frames in the order of the messages has `read_event`.

use std::fmt;

use silverback_proto::{CloseFrame, ReceivedEvent};

use crate::conn::{Conn, reader::Reader};

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

impl Conn {
    /// Has every control frame of the peer's shown to `observer`, in whichever way messages are read; see
    /// [`Reader::observe`].
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    /// use silverback::Control;
    ///
    /// # fn count_pings(conn: &mut silverback::Conn) -> Arc<AtomicU64> {
    /// let pings = Arc::new(AtomicU64::new(0));
    /// let counter = pings.clone();
    /// conn.observe(move |control| {
    ///     if let Control::Ping(_) = control {
    ///         counter.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// # pings }
    /// ```
    pub fn observe(&mut self, observer: impl FnMut(Control<'_>) + Send + 'static) {
        self.reader.observe(observer);
    }
}

impl Reader {
    /// Has every control frame of the peer's shown to `observer`, in place of the one before. Default: none.
    ///
    /// It is called inside the reads, whichever they are, before anything that came after the frame is handed out. The
    /// answer is queued by then, and nothing that the observer does changes it. It must not block: the connection waits
    /// for it.
    pub fn observe(&mut self, observer: impl FnMut(Control<'_>) + Send + 'static) {
        self.driver_mut().observe(Observer(Some(Box::new(observer))));
    }
}

/// Who is shown control frames.
#[derive(Default)]
pub(crate) struct Observer(Option<Box<Observe>>);

type Observe = dyn FnMut(Control<'_>) + Send;

impl Observer {
    pub(crate) fn tell(&mut self, received: &ReceivedEvent) {
        let Some(observer) = &mut self.0 else { return };
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
