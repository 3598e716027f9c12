//! Large messages are made into frames while nobody holds the lock: their writer has its turn, and works piece by piece.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use silverback_proto::{
    Message, PreparedMessage,
    connection::{LargeMessage, LargePreparation, LargeSource},
};

use super::{handle::SharedHandle, inner::Inner, shared::Shared, waiting::RoomFor};
use crate::{error::Error, io::yields::yields};

/// A large message whose turn it is, and which is being made into a frame. Dropped before it is queued, it passes its turn
/// on as if it had never come.
#[derive(Debug)]
pub(crate) struct Encoding<'m> {
    shared: SharedHandle,
    /// `None` once it was given back.
    large: Option<LargeMessage<'m>>,
}

impl Encoding<'_> {
    /// Works on, and lets other tasks run in between; ready when the frame is queued.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_work(cx));
        Poll::Ready(self.queue())
    }

    /// Does a piece of the work; ready when all is done.
    pub(crate) fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_done = self.large.as_mut().is_none_or(LargeMessage::work);
        if is_done { Poll::Ready(()) } else { yields(cx) }
    }

    /// Works to the end, for those who cannot wait.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.work_to_end();
        self.queue()
    }

    pub(crate) fn work_to_end(&mut self) {
        while self.large.as_mut().is_some_and(|large| !large.work()) {}
    }

    /// Queues the frame.
    pub(crate) fn queue(&mut self) -> Result<(), Error> {
        let Some(large) = self.large.take() else { return Ok(()) };
        let mut inner = self.shared.lock();
        // Other messages wait for this one.
        inner.wakes_waiting = true;
        self.shared.send_locked(&mut inner, |transmitter| transmitter.finish_large(large))
    }

    /// Whether it is on its way to this connection.
    pub(crate) fn is_on(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }
}

impl Drop for Encoding<'_> {
    fn drop(&mut self) {
        if let Some(mut large) = self.large.take() {
            large.reset();
            let mut inner = self.shared.lock();
            inner.transmitter.abandon_large(large);
            inner.wakes_waiting = true;
        }
    }
}

impl SharedHandle {
    /// Begins a large message as soon as its turn has come. `None` if it was queued at once, by reference.
    pub(crate) fn poll_begin_large<'m>(
        &self,
        cx: &mut Context<'_>,
        who: RoomFor<'_>,
        len: usize,
        may_compress: bool,
        source: impl FnOnce() -> Option<LargeSource<'m>>,
    ) -> Poll<Result<Option<Encoding<'m>>, Error>> {
        let mut inner = self.lock();
        if !inner.has_room_for(len) && !self.takes_turn(&mut inner, who, len, cx.waker()) {
            return Poll::Pending;
        }
        Poll::Ready(self.begin_large(&mut inner, source(), may_compress))
    }

    /// Begins a large message if there is room at once and nobody waits for it; `None` if not.
    pub(crate) fn try_begin_large<'m>(
        &self,
        len: usize,
        source: impl FnOnce() -> Option<LargeSource<'m>>,
    ) -> Option<Result<Option<Encoding<'m>>, Error>> {
        let mut inner = self.lock();
        if !inner.has_room_for(len) {
            self.flush(&mut inner);
            if !inner.admits_newcomer(len) {
                return None;
            }
        }
        Some(self.begin_large(&mut inner, source(), true))
    }

    /// Accepts a message whatever waits, and gives it back while another one is open.
    pub(crate) fn send_now(&self, message: Message) -> Result<Option<Message>, Error> {
        let mut inner = self.lock();
        if inner.transmitter.has_open_message() && !inner.refuses_messages() {
            return Ok(Some(message));
        }
        if message.len() <= silverback_proto::connection::LARGE_MESSAGE {
            return self.send_locked(&mut inner, |transmitter| transmitter.send(message)).map(|()| None);
        }
        let begun = self.begin_large(&mut inner, Some(LargeSource::Owned(message)), true)?;
        drop(inner);
        begun.map_or(Ok(()), Encoding::finish).map(|()| None)
    }

    /// What makes the compressed form of a large prepared message, if this connection needs one and there is none.
    pub(crate) fn preparation(&self, message: &PreparedMessage) -> Option<LargePreparation> {
        self.lock().transmitter.preparation(message)
    }

    fn begin_large<'m>(
        &self,
        inner: &mut Inner,
        source: Option<LargeSource<'m>>,
        may_compress: bool,
    ) -> Result<Option<Encoding<'m>>, Error> {
        let Some(source) = source else { return Ok(None) };
        if inner.transmitter.encodes(&source, may_compress) {
            if let Some(failure) = &inner.failure {
                return Err(failure.to_error());
            }
            let large = inner.transmitter.begin_large(source, may_compress)?;
            return Ok(Some(Encoding { shared: self.clone(), large: Some(large) }));
        }
        self.send_locked(inner, |transmitter| match source {
            LargeSource::Owned(message) if may_compress => transmitter.send(message),
            LargeSource::Owned(message) => transmitter.send_uncompressed(message),
            LargeSource::Borrowed(message) => transmitter.send_ref(message),
            LargeSource::Prepared(message) => transmitter.send_prepared(message),
        })?;
        Ok(None)
    }
}
