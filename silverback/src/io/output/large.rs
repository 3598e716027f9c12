//! Large messages are encoded outside the lock: their writer takes its turn and works piece by piece.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use silverback_proto::{
    Message, PreparedMessage,
    connection::{LargeMessage, LargePreparation, LargeSource, RoomFor},
};

use super::{handle::SharedHandle, inner::Inner, outgoing::Outgoing, shared::Shared};
use crate::{error::Error, io::yields::yields};

/// A large message that has its turn and is being encoded. If it is dropped before it is queued, its turn passes to the
/// next writer and nothing of it is sent.
#[derive(Debug)]
pub(crate) struct Encoding<'m> {
    shared: SharedHandle,
    /// `None` once it was queued.
    large: Option<LargeMessage<'m>>,
}

impl Encoding<'_> {
    /// Encodes the message and queues its frame. Other tasks run between the pieces.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_work(cx));
        Poll::Ready(self.queue())
    }

    /// Encodes one piece. Ready when the message is encoded.
    pub(crate) fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_done = self.large.as_mut().is_none_or(LargeMessage::work);
        if is_done { Poll::Ready(()) } else { yields(cx) }
    }

    /// Works to the end and queues the frame, for callers that cannot wait. `None` means that it is queued already.
    pub(crate) fn finish(begun: Option<Self>) -> Result<(), Error> {
        let Some(mut encoding) = begun else { return Ok(()) };
        encoding.work_to_end();
        encoding.queue()
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

    /// Returns whether the message is for this connection.
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
            // The flusher may have checked the connection while the message had the compressor.
            self.shared.watch_compressor(&mut inner);
            inner.wakes_waiting = true;
        }
    }
}

impl SharedHandle {
    /// Begins a large message as soon as its turn has come. Returns `None` if the message needed no encoding and was
    /// queued at once.
    pub(crate) fn poll_begin_large<'m>(
        &self,
        cx: &mut Context<'_>,
        who: RoomFor<'_>,
        len: usize,
        may_compress: bool,
        source: impl FnOnce() -> Option<LargeSource<'m>>,
    ) -> Poll<Result<Option<Encoding<'m>>, Error>> {
        let mut inner = self.lock();
        if !self.has_turn(&mut inner, cx, who, len) {
            return Poll::Pending;
        }
        Poll::Ready(self.begin_large(&mut inner, source(), may_compress))
    }

    /// Begins a large message if there is room at once and no writer waits. Returns `None` if not.
    pub(crate) fn try_begin_large<'m>(
        &self,
        len: usize,
        may_compress: bool,
        source: impl FnOnce() -> Option<LargeSource<'m>>,
    ) -> Option<Result<Option<Encoding<'m>>, Error>> {
        let mut inner = self.lock();
        self.has_turn_at_once(&mut inner, len).then(|| self.begin_large(&mut inner, source(), may_compress))
    }

    /// Sends a message even if writers wait. Returns the message unsent while another one is open.
    pub(crate) fn send_now(&self, message: Message, may_compress: bool) -> Result<Option<Message>, Error> {
        let mut inner = self.lock();
        if inner.transmitter.has_open_message() && !inner.transmitter.is_closing() {
            return Ok(Some(message));
        }
        if may_compress && message.len() <= silverback_proto::connection::LARGE_MESSAGE {
            return self.send_locked(&mut inner, |transmitter| transmitter.send(message)).map(|()| None);
        }
        let begun = self.begin_large(&mut inner, Some(LargeSource::Owned(message)), may_compress)?;
        drop(inner);
        Encoding::finish(begun).map(|()| None)
    }

    /// Returns the work that compresses a large prepared message, if this connection needs a compressed form that does
    /// not exist yet.
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
        if with_compression(&mut inner.transmitter, may_compress, |transmitter| transmitter.encodes(&source)) {
            if let Some(failure) = &inner.failure {
                return Err(failure.to_error());
            }
            let begin = |transmitter: &mut Outgoing| transmitter.begin_large(source);
            let large = with_compression(&mut inner.transmitter, may_compress, begin)?;
            return Ok(Some(Encoding { shared: self.clone(), large: Some(large) }));
        }
        let send = |transmitter: &mut Outgoing| match source {
            LargeSource::Owned(message) => transmitter.send(message),
            LargeSource::Borrowed(message) => transmitter.send_ref(message),
            LargeSource::Prepared(message) => transmitter.send_prepared(message),
        };
        self.send_locked(inner, |transmitter| with_compression(transmitter, may_compress, send))?;
        Ok(None)
    }
}

/// Calls `work` for a message that brings this option along. Writers share the transmitter, and the usual message is sent
/// without a look at the option, so the option is true at all other times.
pub(crate) fn with_compression<T>(
    transmitter: &mut Outgoing,
    may_compress: bool,
    work: impl FnOnce(&mut Outgoing) -> T,
) -> T {
    transmitter.set_write_compression(may_compress);
    let done = work(transmitter);
    transmitter.set_write_compression(true);
    done
}
