//! Builds the servers: each program alone, with no other feature than its own.

use std::fs;
use std::path::PathBuf;

use super::contestants::{Contestant, Program};
use crate::error::{Error, OrFailed as _};
use crate::program;
use crate::workspace::Workspace;

/// A contestant with its program.
pub(super) struct Server<'a> {
    pub(super) contestant: &'a Contestant,
    pub(super) path: PathBuf,
}

/// Builds the contestants' programs, each of them once.
pub(super) fn servers<'a>(workspace: &Workspace, contestants: &[&'a Contestant]) -> Result<Vec<Server<'a>>, Error> {
    let mut built: Vec<(Program, PathBuf)> = Vec::new();
    let mut servers = Vec::new();
    for contestant in contestants {
        let known = built.iter().find(|(program, _)| *program == contestant.program);
        let path = match known {
            Some((_, path)) => path.clone(),
            None => {
                let path = build(workspace, contestant.program)?;
                built.push((contestant.program, path.clone()));
                path
            }
        };
        servers.push(Server { contestant, path });
    }
    Ok(servers)
}

/// Builds one program. A second build of it, with another feature, would be put in the same place, so it is moved.
fn build(workspace: &Workspace, program: Program) -> Result<PathBuf, Error> {
    match program {
        Program::Bench { bin, feature } => bench_program(workspace, bin, feature),
        Program::Silverback | Program::SilverbackTls => program::ensure(workspace),
    }
}

/// Builds a program of `bench/`.
pub(crate) fn bench_program(workspace: &Workspace, bin: &str, feature: Option<&str>) -> Result<PathBuf, Error> {
    let target = workspace.target.join("bench");
    let mut task = workspace
        .cargo(&["build", "--release", "--manifest-path", "bench/Cargo.toml", "--bin", bin])
        .env("CARGO_TARGET_DIR", &target);
    if let Some(feature) = feature {
        task = task.args(["--features", feature]);
    }
    task.run()?;
    let folder = target.join("servers");
    fs::create_dir_all(&folder).or_failed(folder.display())?;
    // Two programs may have one feature, and two features one program.
    let path = folder.join(feature.map_or_else(|| bin.to_owned(), |feature| format!("{bin}-{feature}")));
    // A program that still runs, for another `cargo xtask bench`, cannot be written over, but its place can be taken.
    let _ = fs::remove_file(&path);
    fs::copy(target.join("release").join(bin), &path).or_failed(path.display())?;
    Ok(path)
}
