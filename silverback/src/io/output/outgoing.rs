//! The transmitter of a connection together with its meter. Every message goes through here, so that it counts.

use std::{
    ops::{Deref, DerefMut},
    time::Instant,
};

use silverback_proto::{
    ConnectionError, Message, MessageKind, MessageRef, PreparedMessage, ReceivedEvent, SendError,
    connection::{LargeMessage, LargeSource, Transmitter},
};

use crate::io::meter::{Meter, Tally};

/// The transmitter, whose messages and faults are counted. It derefs to [`Transmitter`] for everything else.
#[derive(Debug)]
pub(crate) struct Outgoing {
    transmitter: Transmitter,
    meter: Meter,
}

impl Outgoing {
    pub(crate) fn new(transmitter: Transmitter, meter: Meter) -> Self {
        Self { transmitter, meter }
    }

    #[inline]
    pub(crate) fn send(&mut self, message: Message) -> Result<(), SendError> {
        let (kind, len) = (message.kind(), message.len());
        self.transmitter.send(message)?;
        self.meter.message(kind, len);
        Ok(())
    }

    #[inline]
    pub(crate) fn send_ref(&mut self, message: MessageRef<'_>) -> Result<(), SendError> {
        self.transmitter.send_ref(message)?;
        self.meter.message(message.kind(), message.len());
        Ok(())
    }

    pub(crate) fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), SendError> {
        self.transmitter.send_prepared(message)?;
        self.meter.message(message.kind(), message.message().len());
        Ok(())
    }

    pub(crate) fn open_message(&mut self, kind: MessageKind) -> Result<(), SendError> {
        self.transmitter.open_message(kind)?;
        self.meter.open_message(kind, 0);
        Ok(())
    }

    pub(crate) fn send_fragment(&mut self, payload: &[u8], is_final: bool) -> Result<(), SendError> {
        self.transmitter.send_fragment(payload, is_final)?;
        self.meter.fragment(payload.len(), is_final);
        Ok(())
    }

    pub(crate) fn begin_large<'m>(&mut self, source: LargeSource<'m>) -> Result<LargeMessage<'m>, SendError> {
        let (kind, len) = (source.as_ref().kind(), source.as_ref().len());
        let large = self.transmitter.begin_large(source)?;
        self.meter.open_message(kind, len);
        Ok(large)
    }

    pub(crate) fn finish_large(&mut self, large: LargeMessage<'_>) -> Result<(), SendError> {
        self.transmitter.finish_large(large)?;
        self.meter.fragment(0, true);
        Ok(())
    }

    pub(crate) fn handle_event(&mut self, now: Instant, received: &ReceivedEvent) {
        let before = self.meter.before(received, &self.transmitter);
        self.transmitter.handle_event(now, received);
        self.meter.round_trip(before, &self.transmitter);
    }

    pub(crate) fn handle_fault(&mut self, now: Instant, error: &ConnectionError) {
        self.meter.fault(error);
        self.transmitter.handle_fault(now, error);
    }

    pub(crate) fn handle_output_timeout(&mut self, now: Instant) -> Option<ConnectionError> {
        let error = self.transmitter.handle_output_timeout(now)?;
        self.meter.fault(&error);
        Some(error)
    }

    /// Reports what was written and received since the last report. `received` has the messages of the reader.
    #[inline]
    pub(crate) fn report(&mut self, received: Tally) {
        self.meter.report(&self.transmitter, received);
    }

    /// Reports the end of the connection. To be called once.
    pub(crate) fn end(&mut self) {
        self.meter.end(&self.transmitter);
    }
}

impl Deref for Outgoing {
    type Target = Transmitter;

    #[inline]
    fn deref(&self) -> &Transmitter {
        &self.transmitter
    }
}

impl DerefMut for Outgoing {
    #[inline]
    fn deref_mut(&mut self) -> &mut Transmitter {
        &mut self.transmitter
    }
}
