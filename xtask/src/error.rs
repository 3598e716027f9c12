//! The errors of steps.

use std::fmt::{self, Display};

/// The result of a step: a note for the summary, or the reason why it did not pass.
pub(crate) type Verdict = Result<String, Error>;

/// A step that did not pass.
#[derive(Debug)]
pub(crate) enum Error {
    /// Something is wrong with the project.
    Failed(String),
    /// The machine lacks a tool or an interop peer. In CI the step fails, elsewhere it is skipped.
    Missing(String),
    /// The step does not apply here.
    Skipped(String),
}

impl Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Failed(reason) | Self::Missing(reason) | Self::Skipped(reason)) = self;
        formatter.write_str(reason)
    }
}

/// Turns an error or a missing value into a failure that names the attempted action.
pub(crate) trait OrFailed<T> {
    fn or_failed(self, doing: impl Display) -> Result<T, Error>;
}

impl<T, E: Display> OrFailed<T> for Result<T, E> {
    fn or_failed(self, doing: impl Display) -> Result<T, Error> {
        self.map_err(|error| Error::Failed(format!("{doing}: {error}")))
    }
}

impl<T> OrFailed<T> for Option<T> {
    fn or_failed(self, doing: impl Display) -> Result<T, Error> {
        self.ok_or_else(|| Error::Failed(doing.to_string()))
    }
}

/// Turns a failure to install a tool into [`Error::Missing`]: the machine lacks something, the project is not wrong.
pub(crate) trait OrMissing<T> {
    fn or_missing(self, what: impl Display) -> Result<T, Error>;
}

impl<T> OrMissing<T> for Result<T, Error> {
    fn or_missing(self, what: impl Display) -> Result<T, Error> {
        self.map_err(|error| Error::Missing(format!("{what}: {error}")))
    }
}
