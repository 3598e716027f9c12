//! All steps of `cargo xtask test`, in their order: the quick ones first.

use crate::command_line::TestRequest;
use crate::error::{Error, Verdict};
use crate::step::{Outcome, Step};
use crate::summary;
use crate::workspace::Workspace;
use crate::{
    autobahn, book, browser, checks, coverage, fuzz, hub_faults, instructions, interop, kernels, models, own_tests,
    package,
};

pub(crate) const ALL: &[Step] = &[
    step("fmt", "every file is formatted", checks::lints::format),
    step("promises", "the source keeps the promises of ARCHITECTURE.md", checks::promises::check),
    step("conformance", "docs/conformance.md names tests that exist", checks::conformance::check),
    step("book", "the book in docs/ builds without warnings and has no dead links", book::step),
    step("clippy", "no warning in any target with all features", checks::lints::clippy),
    step("features", "each feature, all but each and all of them build without warnings", checks::features::check),
    step("rustdoc", "the documentation builds without warnings", checks::lints::rustdoc),
    step("public-api", "docs/public-api/ lists exactly the public items of the libraries", checks::public_api::check),
    step("msrv", "the oldest supported Rust", checks::msrv::check),
    step("deny", "bans, licences and sources of the dependencies", checks::supply_chain::deny),
    step("advisories", "known vulnerabilities of the dependencies", checks::supply_chain::advisories),
    step("tests", "unit, integration and documentation tests with all features", own_tests::run),
    step("frameworks", "echo servers on actix-web, poem, rocket, salvo and warp", own_tests::run_on_frameworks),
    step("tests-32-bit", "the core's tests on a machine of 32 bits", own_tests::run_on_32_bits),
    step("release", "the program builds with the profile `dist`, and its archive is complete", package::step),
    step("kernels-asan", "the masking and UTF-8 kernels under AddressSanitizer", kernels::address_sanitizer),
    step("kernels-valgrind", "the masking and UTF-8 kernels under valgrind", kernels::valgrind),
    step("kernels-miri", "the masking and UTF-8 kernels under Miri", kernels::miri),
    step("instructions", "no message costs more instructions than docs/instructions.md says", instructions::check),
    step("loom", "models of the hand-over between the halves of a connection", models::loom),
    step("coverage", "the lines of the core that its tests reach", coverage::run),
    step("fuzz", "each fuzz target for some seconds", fuzz::run),
    step("browser", "the page in a real Chromium", browser::run),
    step("kubernetes", "docs/deploy/kubernetes.yaml fits the schemas of Kubernetes", checks::kubernetes::check),
    step("python-client", "Python websockets talks to the program", interop::python_client),
    step("python-server", "our Dialer talks to Python websockets", interop::python_server),
    step(
        "python-differential",
        "Python websockets and the core agree on random compressed streams",
        interop::differential::step,
    ),
    step("node-client", "node ws talks to the program", interop::node_client),
    step("node-server", "our Dialer talks to node ws", interop::node_server),
    step(
        "centrifugo-clients",
        "centrifuge-js, centrifuge-python with its own tests, and cent talk to silverback-centrifugo",
        interop::centrifugo::step,
    ),
    step(
        "hub-faults",
        "members of two nodes miss nothing, or are told so, while brokers and nodes are killed and frozen",
        hub_faults::step,
    ),
    step(
        "proxies",
        "our Dialer goes through tinyproxy and microsocks, with and without a password; `check` explains nginx",
        interop::proxies::step,
    ),
    step(
        "connect-tls",
        "`silverback connect` talks to Python websockets and node ws over TLS",
        interop::connect::tls::step,
    ),
    step(
        "connect-proxies",
        "`silverback connect` goes through tinyproxy, microsocks and Dante, set by an option or the environment",
        interop::connect::proxies::step,
    ),
    step(
        "connect-fronts",
        "`silverback connect` talks to servers behind nginx and HAProxy, which terminate TLS and close idle connections",
        interop::connect::fronts::step,
    ),
    step(
        "http2-proxies",
        "our Dialer and our server talk through HAProxy, nghttpx and Envoy, which speak HTTP/2",
        interop::versions::http2_proxies,
    ),
    step(
        "http2-peers",
        "our Dialer and our server talk to hypercorn and node over HTTP/2",
        interop::versions::http2_peers,
    ),
    step(
        "http3-peers",
        "our Dialer and our server talk over HTTP/3 to Envoy, Caddy, hypercorn and aioquic",
        interop::versions::http3_peers,
    ),
    step(
        "connect-http",
        "`silverback connect` talks over HTTP/2 and HTTP/3 to the program, node and Caddy",
        interop::versions::connect,
    ),
    step(
        "browsers-http",
        "pages in Chromium and Firefox talk to our server over HTTP/2, in Chromium over HTTP/3 too",
        interop::versions::browsers,
    ),
    step("autobahn", "the suite against the program and our Dialer", autobahn::http1_step),
    step("autobahn-streams", "the suite against both over HTTP/2 and HTTP/3", autobahn::streams_step),
    step("autobahn-table", "docs/autobahn.md agrees with this run", autobahn::table_step),
];

const fn step(name: &'static str, what: &'static str, run: fn(&Workspace) -> Verdict) -> Step {
    Step { name, what, run }
}

/// The steps of `cargo xtask test --quick`. They need a Rust toolchain and nothing else.
const QUICK: &[&str] = &["fmt", "promises", "conformance", "clippy", "rustdoc", "tests"];

/// Runs the chosen steps and prints the summary. `true` if none failed.
pub(crate) fn run(workspace: &Workspace, request: &TestRequest) -> Result<bool, Error> {
    let steps = chosen(request)?;
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
