//! Why a step did not pass, and how its reason travels up.

use std::fmt::{self, Display};

/// What a step says at its end: a note for the summary, or why it did not pass.
pub(crate) type Verdict = Result<String, Trouble>;

/// A step that did not pass.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Something is wrong with the project.
    Failed(String),
    /// The machine lacks a tool or an outside party: a failure in CI, a loud skip elsewhere.
    Missing(String),
    /// There is nothing to check here, on no machine's fault.
    Skipped(String),
}

impl Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Failed(reason) | Self::Missing(reason) | Self::Skipped(reason)) = self;
        formatter.write_str(reason)
    }
}

/// Turns a foreign error, or an absence, into a failure that says what was being done.
pub(crate) trait OrFailed<T> {
    fn or_failed(self, doing: impl Display) -> Result<T, Trouble>;
}

impl<T, E: Display> OrFailed<T> for Result<T, E> {
    fn or_failed(self, doing: impl Display) -> Result<T, Trouble> {
        self.map_err(|error| Trouble::Failed(format!("{doing}: {error}")))
    }
}

impl<T> OrFailed<T> for Option<T> {
    fn or_failed(self, doing: impl Display) -> Result<T, Trouble> {
        self.ok_or_else(|| Trouble::Failed(doing.to_string()))
    }
}

/// Reclassifies a failure to prepare an outside party: the machine is short of it, the project is not wrong.
pub(crate) trait OrMissing<T> {
    fn or_missing(self, what: impl Display) -> Result<T, Trouble>;
}

impl<T> OrMissing<T> for Result<T, Trouble> {
    fn or_missing(self, what: impl Display) -> Result<T, Trouble> {
        self.map_err(|trouble| Trouble::Missing(format!("{what}: {trouble}")))
    }
}
