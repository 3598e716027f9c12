//! Why a blocking call did not wait.

use std::{error, fmt, time::Duration};

/// Why a blocking call did not wait any longer, or not at all. The connection is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// The time that was set for reading or for writing is over. Nothing was lost; the call can be made again.
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
