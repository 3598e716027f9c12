//! The same as `reporting`, for builds without the feature `metrics`: it reports nothing.

use silverback_proto::{ConnectionError, MessageKind, ReceivedEvent, Role, Stats, connection::Transmitter};

#[derive(Clone, Debug, Default)]
pub(crate) struct Metering(());

#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(());

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally(());

#[derive(Debug)]
pub(crate) struct ReaderTally;

#[derive(Debug)]
pub(crate) struct Meter;

impl Metering {
    #[inline(always)]
    pub(crate) fn open(&self, _: Role, _: Option<http::Version>) -> (Meter, ReaderTally) {
        (Meter, ReaderTally)
    }

    #[inline(always)]
    pub(crate) fn begin() -> Begun {
        Begun(())
    }

    #[inline(always)]
    pub(crate) fn handshake(&self, _: Role, _: Option<Begun>, _: impl FnOnce() -> &'static str) {}
}

impl ReaderTally {
    #[inline(always)]
    pub(crate) fn message(&mut self, _: MessageKind, _: usize) {}

    #[inline(always)]
    pub(crate) fn piece(&mut self, _: MessageKind, _: impl FnOnce() -> usize, _: bool) {}

    #[inline(always)]
    pub(crate) fn take(&mut self) -> Tally {
        Tally(())
    }
}

impl Meter {
    #[inline(always)]
    pub(crate) fn message(&mut self, _: MessageKind, _: usize) {}

    #[inline(always)]
    pub(crate) fn open_message(&mut self, _: MessageKind, _: usize) {}

    #[inline(always)]
    pub(crate) fn fragment(&mut self, _: usize, _: bool) {}

    #[inline(always)]
    pub(crate) fn before(&self, _: &ReceivedEvent, _: &Transmitter) -> Option<Stats> {
        None
    }

    #[inline(always)]
    pub(crate) fn round_trip(&mut self, _: Option<Stats>, _: &Transmitter) {}

    #[inline(always)]
    pub(crate) fn fault(&mut self, _: &ConnectionError) {}

    #[inline(always)]
    pub(crate) fn report(&mut self, _: &Transmitter, _: Tally) {}

    #[inline(always)]
    pub(crate) fn end(&mut self, _: &Transmitter) {}
}
