//! The command line of `cargo xtask`.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bench::{self, fanout};
use crate::capacity::{hold, soak};
use crate::checks::public_api;
use crate::{drain, hub_faults, instructions, package};

/// The project's chores.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) chore: Chore,
}

/// A chore with its options.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Chore {
    /// Build and check everything. If the variable CI is set, a missing tool is a failure.
    Test(TestRequest),
    /// Run the Autobahn suite: the cases of `cargo xtask test`, or those that are asked for.
    Autobahn(AutobahnRequest),
    /// Measure echo servers side by side and write docs/benchmarks.md.
    Bench(bench::Request),
    /// Send messages of one topic to many subscribers, with our hub and other servers side by side, and write
    /// docs/benchmarks/fanout.md.
    Fanout(fanout::Request),
    /// Count instructions under valgrind and write docs/instructions.md.
    Instructions(instructions::Request),
    /// Keep many connections in one process of the program and measure what they cost.
    Hold(hold::Request),
    /// Mix all kinds of clients. Memory must not grow, and nothing may fail that the clients did not provoke.
    Soak(soak::Request),
    /// Kill and freeze brokers and nodes of the hub under load: the selection of `cargo xtask test`, or everything.
    HubFaults(hub_faults::Request),
    /// Drain programs behind nginx and HAProxy under load: the short form of `cargo xtask test`, or with 1,000 clients.
    Drain(drain::Request),
    /// Pack the program as it is published into target/package/: an archive with man pages, completions and units.
    Package(package::Request),
    /// Write the lists of public items in docs/public-api/.
    PublicApi(public_api::Request),
    /// List import circles between the files of each crate, arrows between rooms that ARCHITECTURE.md does not allow,
    /// and imports through the crate root.
    Rooms {
        /// Look at these crates only.
        #[arg(value_name = "CRATE")]
        crates: Vec<String>,
    },
}

/// `cargo xtask test`
#[derive(Args, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestRequest {
    /// Run these steps only.
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Check the format, lints, Rust tests and documentation only. This needs a Rust toolchain and installs nothing.
    #[arg(long, conflicts_with_all = ["only", "fuzz_seconds"])]
    pub(crate) quick: bool,
    /// List the steps.
    #[arg(long)]
    pub(crate) list: bool,
    /// Run each fuzz target for this many seconds. [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) fuzz_seconds: Option<u64>,
}

/// `cargo xtask autobahn`
#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct AutobahnRequest {
    /// Run all cases in both roles, which takes most of an hour. Over HTTP/1.1, also write docs/autobahn.md.
    #[arg(long, conflicts_with_all = ["roles", "cases"])]
    pub(crate) full: bool,
    /// Test silverback in these roles.
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', default_values = ["server", "client"])]
    pub(crate) roles: Vec<Role>,
    /// Test silverback over this version of HTTP, with a converter between it and the suite.
    #[arg(long, value_name = "VERSION", default_value = "1.1")]
    pub(crate) http: Http,
    /// Run the cases that match these patterns, such as `1.*`. [default: the selection of `cargo xtask test`]
    #[arg(long, value_name = "CASE", value_delimiter = ',')]
    pub(crate) cases: Vec<String>,
}

/// The role of silverback in a run of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Server,
    Client,
}

/// The version of HTTP that silverback speaks in a run of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Http {
    #[value(name = "1.1")]
    Http1,
    #[value(name = "2")]
    Http2,
    #[value(name = "3")]
    Http3,
}

impl Http {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Http1 => "1.1",
            Self::Http2 => "2",
            Self::Http3 => "3",
        }
    }
}

impl Role {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

#[cfg(test)]
#[path = "command_line_tests.rs"]
mod tests;
