//! The options of `cargo xtask bench`.

use clap::Args;

/// `cargo xtask bench`
#[derive(Args, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// Measure briefly, to see that everything works, and leave the page as it is.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure these cells and servers only. The page is written for the cells that were measured.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Visit each server this many times.
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<usize>,
    /// Leave out the cells that measure settings of compression: they take long.
    #[arg(long)]
    pub(crate) skip_slow: bool,
    /// Write the page again from earlier measurements.
    #[arg(long)]
    pub(crate) render: bool,
}
