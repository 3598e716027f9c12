//! The error of a blocking call that may not wait longer, or may not wait at all.

use std::{error, fmt, time::Duration};

/// The reason why a blocking call stopped waiting, or did not wait. The connection is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// The read or write timeout, which has this length, expired. Nothing was lost, and the call can be made again.
    TimedOut(Duration),
    /// The call was made in a task of a tokio runtime, which must not block.
    InTask,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(after) => write!(f, "the call has waited for {after:?}, which is the limit that was set"),
            Self::InTask => f.write_str(
                "a blocking call in an asynchronous task: use the types outside of `blocking`, or `spawn_blocking`",
            ),
        }
    }
}

impl error::Error for WaitError {}
