//! State that the engine and the writers share: the current connection, and the messages that it has accepted but not
//! sent.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use silverback_proto::{CloseCode, CloseFrame, Message, UnsendableCode, connection::LARGE_MESSAGE};
use tokio::sync::watch;

use super::ReconnectState;
use crate::{
    conn::writer::{TryWriteError, Writer},
    error::Error,
    io::output::{ChangingRoomWait, Encoding},
};

#[derive(Debug)]
pub(super) struct Link {
    slot: Mutex<Slot>,
    state: watch::Sender<ReconnectState>,
}

#[derive(Debug, Default)]
struct Slot {
    /// The writer of the current connection.
    writer: Option<Writer>,
    /// Messages that the current connection has accepted and, as far as we know, not sent. Bounded, because its queue
    /// is.
    unsent: VecDeque<Unsent>,
    /// The code and the reason with which the application closes.
    close: Option<(CloseCode, String)>,
    /// Whether there will be no other connection.
    is_over: bool,
    /// The engine's waker, for the time when no connection would wake the engine.
    engine: Option<Waker>,
}

/// A message that was accepted. It has left once the output has reached `end`.
#[derive(Debug)]
struct Unsent {
    end: u64,
    message: Message,
}

/// The result of writing a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    Accepted,
    /// At the moment no connection accepts messages.
    NotConnected,
    /// There will be no other connection.
    Closed,
}

impl Link {
    pub(super) fn new(state: ReconnectState) -> Self {
        Self { slot: Mutex::default(), state: watch::Sender::new(state) }
    }

    pub(super) fn state(&self) -> ReconnectState {
        self.state.borrow().clone()
    }

    pub(super) fn states(&self) -> watch::Receiver<ReconnectState> {
        self.state.subscribe()
    }

    /// Writes to the current connection as soon as it has room. Takes `message` once it is accepted.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        wait: &mut ChangingRoomWait,
        message: &mut Option<Message>,
        may_compress: bool,
    ) -> Poll<Written> {
        // Held during the write, so that the engine finds each message either accepted and noted, or not accepted.
        let mut slot = self.lock();
        if slot.is_closing() {
            return Poll::Ready(Written::Closed);
        }
        let Some(writer) = slot.writer(may_compress) else { return Poll::Ready(Written::NotConnected) };
        let Some(copy) = message.clone() else { return Poll::Ready(Written::Accepted) };
        if !writer.is_common(copy.len()) {
            let writer = writer.clone();
            let written = ready!(self.poll_write_large(cx, slot, wait, (&writer, copy)));
            if written == Written::Accepted {
                *message = None;
            }
            return Poll::Ready(written);
        }
        let written = ready!(writer.poll_write_message(cx, wait, message));
        Poll::Ready(match written {
            Ok(()) => {
                slot.note_accepted(copy);
                Written::Accepted
            }
            Err(_) => {
                *message = Some(copy);
                Written::NotConnected
            }
        })
    }

    /// Writes a large message. The lock is held while the message is accepted and noted, but not while it is encoded.
    fn poll_write_large(
        &self,
        cx: &mut Context<'_>,
        slot: MutexGuard<'_, Slot>,
        wait: &mut ChangingRoomWait,
        (writer, message): (&Writer, Message),
    ) -> Poll<Written> {
        let mut slot = slot;
        if writer.encoding(wait).is_none() {
            match ready!(writer.poll_begin_large(cx, wait, &message)) {
                Ok(Some(encoding)) => *writer.encoding(wait) = Some(Box::new(encoding)),
                Ok(None) => {
                    slot.note_accepted(message);
                    return Poll::Ready(Written::Accepted);
                }
                Err(_) => return Poll::Ready(Written::NotConnected),
            }
        }
        drop(slot);
        let Some(mut encoding) = writer.encoding(wait).take() else { return Poll::Ready(Written::NotConnected) };
        if encoding.poll_work(cx).is_pending() {
            *writer.encoding(wait) = Some(encoding);
            return Poll::Pending;
        }
        let mut slot = self.lock();
        Poll::Ready(match encoding.queue() {
            Ok(()) => {
                slot.note_accepted(message);
                Written::Accepted
            }
            Err(_) => Written::NotConnected,
        })
    }

    /// Writes if there is a connection with room now. Returns the message in the error otherwise.
    pub(super) fn try_write(&self, message: Message, may_compress: bool) -> Result<(), (Message, Written)> {
        let mut slot = self.lock();
        if slot.is_closing() {
            return Err((message, Written::Closed));
        }
        let Some(writer) = slot.writer(may_compress) else { return Err((message, Written::NotConnected)) };
        if message.len() > LARGE_MESSAGE {
            let begun = writer.try_begin_large(&message);
            return self.finish_large(slot, begun, message);
        }
        match writer.try_write_message(message.clone()) {
            Ok(()) => slot.note_accepted(message),
            Err(TryWriteError::Full(_) | TryWriteError::Failed(_)) => return Err((message, Written::NotConnected)),
        }
        Ok(())
    }

    /// Encodes a large message without the lock, and then queues it.
    fn finish_large<'a>(
        &'a self,
        mut slot: MutexGuard<'a, Slot>,
        begun: Option<Result<Option<Encoding<'static>>, Error>>,
        message: Message,
    ) -> Result<(), (Message, Written)> {
        let queued = match begun {
            Some(Ok(None)) => Ok(()),
            Some(Ok(Some(mut encoding))) => {
                drop(slot);
                encoding.work_to_end();
                slot = self.lock();
                encoding.queue()
            }
            Some(Err(error)) => Err(error),
            None => return Err((message, Written::NotConnected)),
        };
        match queued {
            Ok(()) => {
                slot.note_accepted(message);
                Ok(())
            }
            Err(_) => Err((message, Written::NotConnected)),
        }
    }

    /// Returns a writer of the current connection.
    pub(super) fn writer(&self, may_compress: bool) -> Option<Writer> {
        self.lock().writer(may_compress).cloned()
    }

    /// Closes the current connection, if there is one, and prevents further ones.
    pub(super) fn close(&self, code: CloseCode, reason: &str) -> Result<(), UnsendableCode> {
        if code != CloseCode::NO_STATUS {
            CloseFrame::new(code, reason.to_owned())?;
        }
        let mut slot = self.lock();
        if slot.is_over {
            return Ok(());
        }
        let (code, reason) = slot.close.get_or_insert_with(|| (code, reason.to_owned())).clone();
        let (writer, engine) = (slot.writer.clone(), slot.engine.take());
        drop(slot);
        start_close(writer, code, &reason);
        if let Some(engine) = engine {
            engine.wake();
        }
        // Wakes writers that wait for a connection. They find that there will be none.
        self.state.send_modify(|_| {});
        Ok(())
    }
}

/// For the engine.
impl Link {
    pub(super) fn set_state(&self, state: ReconnectState) {
        self.state.send_replace(state);
    }

    /// Returns whether the application wants to close. If not, the engine is woken when it does.
    pub(super) fn poll_closing(&self, cx: &mut Context<'_>) -> bool {
        let mut slot = self.lock();
        if !slot.engine.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            slot.engine = Some(cx.waker().clone());
        }
        slot.close.is_some()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().close.is_some()
    }

    pub(super) fn connect(&self, writer: Writer) {
        let mut slot = self.lock();
        slot.unsent.clear();
        writer.track_output();
        slot.writer = Some(writer.clone());
        let close = slot.close.clone();
        drop(slot);
        // The application closed while the last attempt was about to succeed.
        if let Some((code, reason)) = close {
            start_close(Some(writer), code, &reason);
        }
        self.set_state(ReconnectState::Connected);
    }

    /// Notes that the connection has ended. Returns the messages that it has accepted but not sent.
    pub(super) fn disconnect(&self) -> Vec<Message> {
        let mut slot = self.lock();
        slot.forget_what_has_left();
        slot.writer = None;
        slot.unsent.drain(..).map(|unsent| unsent.message).collect()
    }

    /// Notes that there will be no other connection.
    pub(super) fn end(&self, state: ReconnectState) {
        let mut slot = self.lock();
        if slot.is_over {
            return;
        }
        (slot.is_over, slot.writer) = (true, None);
        drop(slot);
        self.set_state(state);
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn is_closing(&self) -> bool {
        self.is_over || self.close.is_some()
    }

    /// Returns the writer, with the option of the handle that writes.
    fn writer(&mut self, may_compress: bool) -> Option<&Writer> {
        let writer = self.writer.as_mut()?;
        writer.set_write_compression(may_compress);
        Some(writer)
    }

    fn note_accepted(&mut self, message: Message) {
        self.forget_what_has_left();
        let Some(progress) = self.writer.as_ref().and_then(Writer::output_progress) else { return };
        if progress.left < progress.accepted {
            self.unsent.push_back(Unsent { end: progress.accepted, message });
        }
    }

    fn forget_what_has_left(&mut self) {
        let Some(progress) = self.writer.as_ref().and_then(Writer::output_progress) else { return };
        while self.unsent.front().is_some_and(|unsent| unsent.end <= progress.left) {
            self.unsent.pop_front();
        }
    }
}

fn start_close(writer: Option<Writer>, code: CloseCode, reason: &str) {
    if let Some(writer) = writer {
        // `close` has already validated the code.
        let _ = writer.start_close(code, reason);
    }
}
