//! The dependencies, under the rules of `deny.toml`.

use std::time::Duration;

use crate::tools;
use crate::trouble::{Trouble, Verdict};
use crate::workspace::Workspace;

pub(crate) fn deny(workspace: &Workspace) -> Verdict {
    run(workspace, &["bans", "licenses", "sources"])?;
    Ok("bans, licences and sources are fine".to_owned())
}

pub(crate) fn advisories(workspace: &Workspace) -> Verdict {
    let program = tools::cargo_tool(workspace, NAME, VERSION)?;
    let fetched = workspace.task(program).args(["fetch", "db"]).limit(FETCH_LIMIT).run();
    if fetched.is_err() {
        println!("THE ADVISORY DATABASE COULD NOT BE FETCHED: known vulnerabilities were not looked for.");
        return Err(Trouble::Skipped("the advisory database could not be fetched: not checked".to_owned()));
    }
    run(workspace, &["--disable-fetch", "advisories"])?;
    Ok("no known vulnerability".to_owned())
}

fn run(workspace: &Workspace, checks: &[&str]) -> Result<(), Trouble> {
    let program = tools::cargo_tool(workspace, NAME, VERSION)?;
    workspace.task(program).args(["--all-features", "check"]).args(checks).run()
}

const NAME: &str = "cargo-deny";
const VERSION: &str = "0.20.2";
const FETCH_LIMIT: Duration = Duration::from_secs(90);
