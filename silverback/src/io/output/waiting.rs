//! Tasks that wait for the output of a connection, and their wakers.

use std::task::Waker;

use silverback_proto::connection::{RoomQueue, WaiterId};

/// The waiting tasks. Exists only while there are any.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Writers whose messages wait for room in the queue.
    pub(super) room: RoomQueue<Waker>,
    /// The next fragment of the open message: its length and waker. No other message goes before it.
    pub(super) fragment: Option<(usize, Waker)>,
    /// Tasks that wait until everything has left.
    pub(super) flushes: RoomQueue<Waker>,
    /// The places in `flushes` of polled waits, which do not report that they were cancelled.
    pub(super) polled_flushes: [Option<WaiterId>; 2],
}

/// A task that waits for room.
#[derive(Debug)]
pub(crate) enum RoomFor<'a> {
    /// A future, which leaves the queue when it is dropped.
    Future(&'a mut Option<WaiterId>),
    /// A writer that is used as a sink. It does not report that it has stopped waiting, until it is dropped.
    Sink(&'a mut Option<WaiterId>),
}

/// A task that waits until everything has left.
#[derive(Debug)]
pub(crate) enum FlushFor<'a> {
    /// A future or a sink, which leaves the queue when it is dropped.
    Future(&'a mut Option<WaiterId>),
    /// A connection has at most one of each, and a new waker replaces the old one.
    Polled(Polled),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    MessageWriter = 0,
    Ending = 1,
}
