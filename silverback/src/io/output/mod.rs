//! The sending side of a connection, which its reader and all its writers share. The state of the output is in
//! `silverback_proto`: whether it is idle, held back, queued or blocked, which task may queue next, and how a connection
//! closes. Here are the lock, the wakers, the timers and the transport.
//!
//! ```text
//! shared      the lock, and every command of readers and writers: queue, then write now or later
//! outgoing    the transmitter, whose messages are counted
//! inner       the state behind the lock, and one write to the transport
//! waits       futures that wait for room or for a flush, and leave the queue when they are dropped
//! large       encodes large messages outside the lock
//! flusher     one task for each thread: sends held-back output, continues when a transport has room again, fails
//!             stalled connections, releases idle compressors (`compressors`); `flushing` is its work on a connection
//! closer      runs the close sequence, in the background if the application has dropped the connection
//! ```
//!
//! Who writes? The task that holds the lock: a writer that has queued a message, a reader before it waits, or the
//! flusher. Who is woken when the transport has room? The flusher alone, so no output is lost if a task goes away.

pub(crate) mod closer;
mod compressors;
pub(crate) mod flusher;
mod flushing;
mod handle;
mod inner;
mod large;
pub(crate) mod outgoing;
mod shared;
mod waits;

pub(crate) use self::{
    flushing::current_flusher,
    handle::SharedHandle,
    large::{Encoding, with_compression},
    outgoing::Outgoing,
    shared::{Received, Shared, Wait},
    waits::{ChangingRoomWait, FlushWait, RoomWait},
};
