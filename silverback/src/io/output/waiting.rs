//! Who waits for the output of a connection, and who is woken when it moves.

use std::task::Waker;

use silverback_proto::connection::{RoomQueue, WaiterId};

/// Those that wait. It exists while there are any.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Messages that wait for room in the queue.
    pub(super) room: RoomQueue<Waker>,
    /// The next fragment of the message that is open: no other message goes before it.
    pub(super) fragment: Option<(usize, Waker)>,
    /// Those that wait until everything has left.
    pub(super) flushes: RoomQueue<Waker>,
    /// The places in `flushes` of those that are polled and never tell that they give up.
    pub(super) polled_flushes: [Option<WaiterId>; 2],
}

/// Who waits for room.
#[derive(Debug)]
pub(crate) enum RoomFor<'a> {
    /// A future, which gives up its place when it is dropped.
    Future(&'a mut Option<WaiterId>),
    /// A writer that is used as a sink. Nobody hears of it when it gives up, until it is dropped.
    Sink(&'a mut Option<WaiterId>),
}

/// Who waits until everything has left.
#[derive(Debug)]
pub(crate) enum FlushFor<'a> {
    /// A future or a sink, which gives up its place when it is dropped.
    Future(&'a mut Option<WaiterId>),
    /// Each connection has one of each of these at most, and a new waker takes the place of the old one.
    Polled(Polled),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    MessageWriter = 0,
    Ending = 1,
}
