//! Formatting, clippy and rustdoc.

use crate::error::{Error, Verdict};
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn format(workspace: &Workspace) -> Verdict {
    need_component(workspace, "fmt", "rustfmt")?;
    workspace.cargo(&["fmt", "--all", "--check"]).run()?;
    // These are outside the workspace, so `--all` does not include them.
    for manifest in ["examples/frameworks/Cargo.toml", "fuzz/Cargo.toml"] {
        workspace.cargo(&["fmt", "--manifest-path", manifest, "--check"]).run()?;
    }
    Ok("formatted".to_owned())
}

pub(crate) fn clippy(workspace: &Workspace) -> Verdict {
    need_component(workspace, "clippy", "clippy")?;
    workspace
        .cargo(&["clippy", "--all-targets"])
        .args(tools::workspace_with_all_features(workspace)?)
        .args(["--", "--deny", "warnings", "--deny", "clippy::incompatible_msrv"])
        .run()?;
    Ok("no warnings".to_owned())
}

pub(crate) fn rustdoc(workspace: &Workspace) -> Verdict {
    workspace
        .cargo(&["doc", "--no-deps"])
        .args(tools::workspace_with_all_features(workspace)?)
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()?;
    Ok("no warnings".to_owned())
}

/// Minimal toolchains lack the components.
pub(super) fn need_component(workspace: &Workspace, subcommand: &str, component: &str) -> Result<(), Error> {
    if workspace.cargo(&[subcommand, "--version"]).succeeds() {
        return Ok(());
    }
    Err(Error::Missing(format!("{component} is not installed (rustup component add {component})")))
}
