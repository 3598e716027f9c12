//! The sending side of a connection, which its reader and all its writers share.
//!
//! ```text
//! shared      the lock, the queue behind it, and who writes when
//! inner       what stands behind the lock
//! waiting     who waits for room or for a flush; `admission` decides whose turn it is, `waits` are the futures
//! large       messages that are made into frames without the lock
//! flusher     one task for each thread, which sends what was held back; `flushing` is what it does with a connection
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
