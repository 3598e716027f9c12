//! Packs the program as it is published: an archive for each target, and a Debian package.
//! `stage` puts the files of both together, `licences` collects those of the dependencies, `archive` packs.

mod archive;
mod debian;
mod folders;
mod licences;
mod stage;

use std::fs;

use clap::Args;

use self::stage::Staged;
use crate::error::{Error, OrFailed as _, Verdict};
use crate::program;
use crate::workspace::Workspace;

/// `cargo xtask package`
#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Build for this target, like x86_64-unknown-linux-musl, whose program needs no C library. This machine must be able
    /// to run the program. [default: the target of this machine]
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Build the Debian package too, with `cargo deb`.
    #[arg(long)]
    pub(crate) deb: bool,
}

/// Builds the program, and packs it into `target/package/`.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<bool, Error> {
    let target = request.target.as_deref();
    let program = program::ensure_for(workspace, target)?;
    let staged = Staged::fill(workspace, &program, target)?;
    let mut packed = vec![archive::write(workspace, &staged)?];
    if request.deb {
        packed.push(debian::build(workspace, &staged, target)?);
    }
    for path in packed {
        println!("{}", path.display());
    }
    Ok(true)
}

/// The step `release`: the program builds, and its archive has everything, twice with the same bytes.
pub(crate) fn step(workspace: &Workspace) -> Verdict {
    let program = program::ensure(workspace)?;
    let staged = Staged::fill(workspace, &program, None)?;
    debian::check(workspace, &staged)?;
    let path = archive::write(workspace, &staged)?;
    let first = fs::read(&path).or_failed(path.display())?;
    let staged = Staged::fill(workspace, &program, None)?;
    archive::write(workspace, &staged)?;
    if first != fs::read(&path).or_failed(path.display())? {
        return Err(Error::Failed("the archive has other bytes when it is packed again".to_owned()));
    }
    archive::check(workspace, &staged)?;
    let size = program.metadata().or_failed(program.display())?.len();
    if size > SIZE_LIMIT {
        return Err(Error::Failed(format!("the program has {size} bytes, more than {SIZE_LIMIT}")));
    }
    Ok(format!("silverback, {:.1} MB, in an archive of {} files", size as f64 / 1e6, staged.files.len()))
}

/// docs/deploy/container.md promises a small image. With another C library the program has about the same size.
const SIZE_LIMIT: u64 = 15_000_000;
