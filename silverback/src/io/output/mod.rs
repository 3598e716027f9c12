//! The sending side of a connection, which its reader and all its writers share.
//!
//! ```text
//! shared      the lock, the queue behind it, and the decision to write now or later
//! inner       the state behind the lock
//! waiting     tasks that wait for room or for a flush: `admission` decides whose turn it is, `waits` has the futures
//! large       encodes large messages outside the lock
//! flusher     one task for each thread, which sends held-back output; `flushing` is its work on one connection
//! ending      the close sequence
//! ```

mod admission;
mod compressors;
pub(crate) mod ending;
pub(crate) mod flusher;
mod flushing;
mod handle;
mod inner;
mod large;
mod shared;
mod waiting;
mod waits;

pub(crate) use self::{
    flushing::current_flusher,
    handle::SharedHandle,
    large::Encoding,
    shared::{Received, Shared, Wait},
    waiting::{FlushFor, Polled, RoomFor},
    waits::{ChangingRoomWait, FlushWait, RoomWait},
};
