//! Formatting, clippy and rustdoc.

use crate::trouble::Verdict;
use crate::workspace::Workspace;

pub(crate) fn format(workspace: &Workspace) -> Verdict {
    workspace.cargo(&["fmt", "--all", "--check"]).run()?;
    Ok("formatted".to_owned())
}

pub(crate) fn clippy(workspace: &Workspace) -> Verdict {
    workspace
        .cargo(&["clippy", "--workspace", "--all-targets", "--all-features"])
        .args(["--", "--deny", "warnings", "--deny", "clippy::incompatible_msrv"])
        .run()?;
    Ok("no warnings".to_owned())
}

pub(crate) fn rustdoc(workspace: &Workspace) -> Verdict {
    workspace
        .cargo(&["doc", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()?;
    Ok("no warnings".to_owned())
}
