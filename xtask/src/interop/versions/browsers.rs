//! A page in Chromium and in Firefox talks to our server. A browser uses HTTP/2 or HTTP/3 for a WebSocket if it already has
//! such a connection to the server.

use std::path::Path;

use super::bench::Bench;
use crate::error::Error;
use crate::interop::{node, scripts};
use crate::process::Task;
use crate::tools;

pub(super) fn chromium(bench: &Bench<'_>, version: &str) -> Result<(), Error> {
    let chromium = tools::from_debian(&["chromium", "chromium-browser", "google-chrome"], &["chromium"])?;
    run(bench, "Chromium", &chromium, version)
}

/// Firefox has no WebSocket over HTTP/3.
pub(super) fn firefox(bench: &Bench<'_>) -> Result<(), Error> {
    let firefox = tools::from_debian(&["firefox-esr", "firefox"], &["firefox-esr"])?;
    // The script tells Firefox with it whom to trust.
    tools::from_debian(&["certutil"], &["libnss3-tools"])?;
    run(bench, "Firefox", &firefox, "HTTP/2.0")
}

fn run(bench: &Bench<'_>, name: &str, browser: &Path, version: &str) -> Result<(), Error> {
    let profile = bench.certificates.folder.join(format!("profile-{name}"));
    let papers = ["authority.pem", "server.pem"].map(|file| bench.certificates.path(file));
    let script = Task::new(node::find()?).arg(scripts(bench.workspace).join("browsers/run.mjs"));
    bench.listen(script.arg(name).arg(browser).arg(profile).args([&bench.secure_url(), version]).args(papers))
}
