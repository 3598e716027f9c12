//! All steps of `cargo xtask test`, in their order: the quick ones first.

use crate::command_line::TestRequest;
use crate::error::Error;
use crate::step::{Outcome, Step};
use crate::summary;
use crate::workspace::Workspace;
use crate::{
    autobahn, browser, checks, coverage, fuzz, installs, instructions, interop, kernels, models, own_tests, program,
};

pub(crate) const ALL: &[Step] = &[
    Step { name: "fmt", what: "every file is formatted", run: checks::lints::format },
    Step { name: "promises", what: "the source keeps the promises of ARCHITECTURE.md", run: checks::promises::check },
    Step { name: "conformance", what: "docs/conformance.md names tests that exist", run: checks::conformance::check },
    Step { name: "clippy", what: "no warning in any target with all features", run: checks::lints::clippy },
    Step {
        name: "features",
        what: "each feature, each pair and all of them build without warnings",
        run: checks::features::check,
    },
    Step { name: "rustdoc", what: "the documentation builds without warnings", run: checks::lints::rustdoc },
    Step { name: "msrv", what: "the oldest supported Rust", run: checks::msrv::check },
    Step { name: "deny", what: "bans, licences and sources of the dependencies", run: checks::supply_chain::deny },
    Step {
        name: "advisories",
        what: "known vulnerabilities of the dependencies",
        run: checks::supply_chain::advisories,
    },
    Step { name: "tests", what: "unit, integration and documentation tests with all features", run: own_tests::run },
    Step { name: "tests-32-bit", what: "the core's tests on a machine of 32 bits", run: own_tests::run_on_32_bits },
    Step { name: "release", what: "the program builds with the profile `dist`", run: program::build },
    Step {
        name: "kernels-asan",
        what: "the masking and UTF-8 kernels under AddressSanitizer",
        run: kernels::address_sanitizer,
    },
    Step { name: "kernels-valgrind", what: "the masking and UTF-8 kernels under valgrind", run: kernels::valgrind },
    Step { name: "kernels-miri", what: "the masking and UTF-8 kernels under Miri", run: kernels::miri },
    Step {
        name: "instructions",
        what: "no message costs more instructions than docs/instructions.md says",
        run: instructions::check,
    },
    Step { name: "loom", what: "models of the hand-over between the halves of a connection", run: models::loom },
    Step { name: "coverage", what: "the lines of the core that its tests reach", run: coverage::run },
    Step { name: "fuzz", what: "each fuzz target for some seconds", run: fuzz::run },
    Step { name: "browser", what: "the page in a real Chromium", run: browser::run },
    Step { name: "python-client", what: "Python websockets talks to the program", run: interop::python_client },
    Step { name: "python-server", what: "our Dialer talks to Python websockets", run: interop::python_server },
    Step {
        name: "python-differential",
        what: "Python websockets and the core agree on random compressed streams",
        run: interop::differential::step,
    },
    Step { name: "node-client", what: "node ws talks to the program", run: interop::node_client },
    Step { name: "node-server", what: "our Dialer talks to node ws", run: interop::node_server },
    Step {
        name: "proxies",
        what: "our Dialer goes through tinyproxy and microsocks, with and without a password; `check` explains nginx",
        run: interop::proxies::step,
    },
    Step {
        name: "connect-tls",
        what: "`silverback connect` talks to Python websockets and node ws over TLS",
        run: interop::connect::tls::step,
    },
    Step {
        name: "connect-proxies",
        what: "`silverback connect` goes through tinyproxy, microsocks and Dante, set by an option or the environment",
        run: interop::connect::proxies::step,
    },
    Step {
        name: "connect-fronts",
        what: "`silverback connect` talks to servers behind nginx and HAProxy, which terminate TLS and close idle connections",
        run: interop::connect::fronts::step,
    },
    Step { name: "autobahn-server", what: "Autobahn's fuzzing client against the program", run: autobahn::server_step },
    Step { name: "autobahn-client", what: "Autobahn's fuzzing server against our Dialer", run: autobahn::client_step },
    Step { name: "autobahn-table", what: "docs/autobahn.md agrees with this run", run: autobahn::table_step },
];

/// The steps of `cargo xtask test --quick`. They need a Rust toolchain and nothing else.
const QUICK: &[&str] = &["fmt", "promises", "conformance", "clippy", "rustdoc", "tests"];

/// Runs the chosen steps and prints the summary. `true` if none failed.
pub(crate) fn run(workspace: &Workspace, request: &TestRequest) -> Result<bool, Error> {
    let steps = chosen(request)?;
    installs::announce(workspace, &steps);
    let reports: Vec<_> = steps.iter().map(|step| step.perform(workspace)).collect();
    println!("{}", summary::table(&reports));
    println!("{}", summary::closing_line(&reports));
    Ok(reports.iter().all(|report| report.outcome != Outcome::Failed))
}

/// The quick steps, those that are named, or all.
fn chosen(request: &TestRequest) -> Result<Vec<&'static Step>, Error> {
    if let Some(unknown) = request.only.iter().find(|name| ALL.iter().all(|step| step.name != *name)) {
        return Err(Error::Failed(format!("no step is called {unknown}: --list names them")));
    }
    let is_chosen = |step: &&Step| match request.quick {
        true => QUICK.contains(&step.name),
        false => request.only.is_empty() || request.only.iter().any(|name| name == step.name),
    };
    Ok(ALL.iter().filter(is_chosen).collect())
}

/// Prints the steps; a star marks those of `--quick`.
pub(crate) fn list() {
    for step in ALL {
        let mark = if QUICK.contains(&step.name) { "*" } else { " " };
        println!("{mark} {:<19} {}", step.name, step.what);
    }
    println!("\n* also part of --quick");
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
