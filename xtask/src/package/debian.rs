//! The Debian package, by `cargo deb` and the table `package.metadata.deb` of the program's manifest.

use std::path::PathBuf;

use super::folders::{epoch, output};
use super::stage::Staged;
use crate::error::{Error, OrFailed as _};
use crate::tools;
use crate::workspace::Workspace;

/// Packs the staged files.
pub(super) fn build(workspace: &Workspace, staged: &Staged, target: Option<&str>) -> Result<PathBuf, Error> {
    check(workspace, staged)?;
    tools::from_debian(&["dpkg-shlibdeps"], &["dpkg-dev"])?;
    let tool = tools::cargo_tool(workspace, "cargo-deb", VERSION)?;
    let arguments = ["deb", "--package", "silverback-cli", "--profile", "dist", "--no-build", "--no-strip", "--output"];
    let package = workspace
        .task(tool)
        .args(arguments)
        .arg(output(workspace)?)
        .args(target.iter().flat_map(|target| ["--target", target]))
        .env("SOURCE_DATE_EPOCH", epoch(workspace).to_string())
        .read()?;
    package.lines().last().map(PathBuf::from).or_failed("cargo deb names no package")
}

/// Each asset is a staged file, and each staged file an asset. This needs no `cargo deb`.
pub(super) fn check(workspace: &Workspace, staged: &Staged) -> Result<(), Error> {
    let package = &workspace.member("silverback-cli")?["metadata"]["deb"];
    let list = |key: &str| package[key].as_array().into_iter().flatten();
    let mut patterns = Vec::new();
    for source in list("assets").filter_map(|asset| asset[0].as_str()) {
        let file = source.strip_prefix(PREFIX).or_failed(format_args!("{source} does not begin with {PREFIX}"))?;
        patterns.push(file.to_owned());
    }
    let units = list("systemd-units").filter_map(|unit| unit["unit-name"].as_str());
    patterns.extend(units.map(|unit| format!("systemd/{unit}.*")));
    let names: Vec<String> = staged.files.iter().map(|file| file.display().to_string()).collect();
    let lost = patterns.iter().find(|pattern| !names.iter().any(|name| is_match(pattern, name)));
    let forgotten = names.iter().find(|name| !patterns.iter().any(|pattern| is_match(pattern, name)));
    match (lost, forgotten) {
        (Some(lost), _) => Err(Error::Failed(format!("the Debian package needs {lost}, which is not there"))),
        (_, Some(name)) => Err(Error::Failed(format!("no asset of the Debian package is {name}"))),
        (None, None) => Ok(()),
    }
}

/// Whether a name matches a pattern with at most one `*`, which stands for anything but a slash.
fn is_match(pattern: &str, name: &str) -> bool {
    let Some((start, end)) = pattern.split_once('*') else { return pattern == name };
    let inner = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    inner.is_some_and(|inner| !inner.contains('/'))
}

/// `cargo deb` replaces `target/release` with the folder of the profile.
const PREFIX: &str = "target/release/package/";
const VERSION: &str = "3.8.0";

#[cfg(test)]
#[path = "debian_tests.rs"]
mod tests;
