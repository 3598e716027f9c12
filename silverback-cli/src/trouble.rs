//! Why the program cannot go on, and how it says so: one line on standard error, and an exit code.

use std::{fmt, io::Write, process::ExitCode};

/// The end of the program, in words for the person who started it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// What was asked for makes no sense.
    Usage(String),
    /// The network does not allow what was asked for.
    Network(String),
    /// The system refuses something that no option can change.
    System(String),
}

impl Trouble {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::System(_) => 1,
            Self::Usage(_) => 2,
            Self::Network(_) => 3,
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(text) | Self::Network(text) | Self::System(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for Trouble {}

/// One line on standard error. Where that is closed there is nobody to tell.
pub(crate) fn report(what: &impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "silverback: {what}");
}
