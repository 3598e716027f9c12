//! The manifests of docs/deploy/kubernetes.yaml against the schemas of Kubernetes.

use crate::error::{Error, Verdict};
use crate::interop::python;
use crate::workspace::Workspace;

/// The step `kubernetes`.
pub(crate) fn check(workspace: &Workspace) -> Verdict {
    let python = python::environment(workspace)?;
    let report = workspace.task(python).args(["-m", "kubernetes_validate", "--strict", FILE]).read()?;
    let passed = report.lines().filter(|line| line.contains(" passed for resource ")).count();
    match passed {
        0 => Err(Error::Failed(format!("{FILE} has no resources"))),
        count => Ok(format!("{count} resources")),
    }
}

const FILE: &str = "docs/deploy/kubernetes.yaml";
