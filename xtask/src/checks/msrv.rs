//! The oldest supported Rust: the real toolchain where it is installed, the next best evidence elsewhere.

use crate::tools;
use crate::trouble::{OrFailed as _, Trouble, Verdict};
use crate::version;
use crate::workspace::Workspace;

pub(crate) fn check(workspace: &Workspace) -> Verdict {
    let declared = workspace.member("silverback")?["rust_version"].as_str().or_failed("no rust-version is declared")?;
    let too_new = too_new(workspace, declared)?;
    if !too_new.is_empty() {
        return Err(Trouble::Failed(format!("these need more than Rust {declared}: {}", too_new.join(", "))));
    }
    if let Some(toolchain) = tools::toolchain(declared) {
        build(workspace, &toolchain)?;
        return Ok(format!("builds with Rust {declared}"));
    }
    println!("RUST {declared} IS NOT INSTALLED (rustup toolchain install {declared}): nothing was built with it.");
    println!(
        "Checked instead: the rust-version of every dependency; clippy::incompatible_msrv ran in the step clippy."
    );
    Ok(format!("Rust {declared} is not installed: checked the dependencies' rust-version and clippy's word only"))
}

/// Dependencies in the lock whose own minimum is above ours.
fn too_new(workspace: &Workspace, declared: &str) -> Result<Vec<String>, Trouble> {
    let ours = version::parse(declared).or_failed("the rust-version is not a version")?;
    let is_too_new = |text: &str| version::parse(text).is_none_or(|theirs| theirs > ours);
    let packages = workspace.packages().filter_map(|package| {
        let needs = package["rust_version"].as_str().filter(|text| is_too_new(text))?;
        Some(format!("{} {} (Rust {needs})", package["name"].as_str()?, package["version"].as_str()?))
    });
    Ok(packages.collect())
}

fn build(workspace: &Workspace, toolchain: &str) -> Result<(), Trouble> {
    // What users build: the libraries and the program, without their tests.
    tools::in_toolchain(workspace, toolchain)
        .args(["cargo", "check", "--locked", "--workspace", "--exclude", "xtask", "--all-features", "--target-dir"])
        .arg(workspace.target.join("msrv"))
        .run()
}
