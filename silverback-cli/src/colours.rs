//! The choice of colours.

use std::env;

use clap::ValueEnum;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

impl When {
    /// Whether to use colours. With `auto`, `NO_COLOR` and dumb terminals turn them off.
    pub(crate) fn has_come(self, on_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let is_unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                on_terminal && !is_unwanted && env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }
}
