//! Why a step did not pass, and how its reason travels up.

use std::fmt::{self, Display};

/// What a step says at its end: a note for the summary, or why it did not pass.
pub(crate) type Verdict = Result<String, Error>;

/// A step that did not pass.
#[derive(Debug)]
pub(crate) enum Error {
    /// Something is wrong with the project.
    Failed(String),
    /// The machine lacks a tool or an outside party: a failure in CI, a loud skip elsewhere.
    Missing(String),
    /// There is nothing to check here, on no machine's fault.
    Skipped(String),
}

impl Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Failed(reason) | Self::Missing(reason) | Self::Skipped(reason)) = self;
        formatter.write_str(reason)
    }
}

/// Turns a foreign error, or an absence, into a failure that says what was being done.
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

/// Reclassifies a failure to prepare an outside party: the machine is short of it, the project is not wrong.
pub(crate) trait OrMissing<T> {
    fn or_missing(self, what: impl Display) -> Result<T, Error>;
}

impl<T> OrMissing<T> for Result<T, Error> {
    fn or_missing(self, what: impl Display) -> Result<T, Error> {
        self.map_err(|error| Error::Missing(format!("{what}: {error}")))
    }
}
