//! The dependencies, under the rules of `deny.toml`.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use crate::error::{Error, OrFailed as _, Verdict};
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn deny(workspace: &Workspace) -> Verdict {
    run(workspace, &["bans", "licenses", "sources"])?;
    Ok("bans, licences and sources are fine".to_owned())
}

/// Looks for known vulnerabilities in every lock file, with a fetched database or else a copy.
pub(crate) fn advisories(workspace: &Workspace) -> Verdict {
    let program = tools::cargo_tool(workspace, NAME, VERSION)?;
    let (rules, note) = match workspace.task(&program).args(["fetch", "db"]).limit(FETCH_LIMIT).run() {
        Ok(()) => (workspace.root.join("deny.toml"), "no known vulnerability".to_owned()),
        Err(why) => {
            println!("The advisory database cannot be fetched: {why}");
            let archive = archive(workspace)?;
            let note = format!("no known vulnerability in the copy {}: no newer one came", archive.display());
            (unpack(workspace, &archive)?, note)
        }
    };
    for manifest in MANIFESTS {
        workspace.cargo(&["fetch", "--quiet", "--locked", "--manifest-path", manifest]).run()?;
        let options = ["--all-features", "--offline", "--manifest-path", manifest, "--config"];
        workspace.task(&program).args(options).arg(&rules).args(["check", "advisories"]).run()?;
    }
    Ok(note)
}

/// The archive of the database that `SILVERBACK_ADVISORY_DB` names, or the one beside the work tree.
fn archive(workspace: &Workspace) -> Result<PathBuf, Error> {
    let named = env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = workspace.root.join(named.unwrap_or_else(|| BESIDE.into()));
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::Missing(format!(
        "cannot fetch the advisory database, and {} does not exist (set {VARIABLE} to the path of a copy)",
        path.display()
    )))
}

/// Unpacks the archive to where cargo-deny looks with the rules that are returned.
fn unpack(workspace: &Workspace, archive: &Path) -> Result<PathBuf, Error> {
    let root = workspace.target.join("advisory-db");
    let database = root.join(FOLDER);
    let _ = fs::remove_dir_all(&root);
    // cargo-deny takes the age of this file for the age of the database. The age of a copy is its owner's to know.
    fs::create_dir_all(database.join(".git")).or_failed("the folder of the advisory database")?;
    fs::write(database.join(".git/FETCH_HEAD"), "").or_failed("the folder of the advisory database")?;
    let tar = workspace.task("tar").arg("--extract").arg("--gzip").arg("--file").arg(archive);
    tar.arg("--strip-components=1").arg("--directory").arg(&database).run()?;
    let rules = fs::read_to_string(workspace.root.join("deny.toml")).or_failed("deny.toml")?;
    let section = format!("[advisories]\ndb-path = {:?}\n", root.display().to_string());
    let path = root.join("deny.toml");
    fs::write(&path, rules.replacen("[advisories]\n", &section, 1)).or_failed("the rules for the copy")?;
    Ok(path)
}

fn run(workspace: &Workspace, checks: &[&str]) -> Result<(), Error> {
    let program = tools::cargo_tool(workspace, NAME, VERSION)?;
    workspace.task(program).args(["--all-features", "check"]).args(checks).run()
}

const NAME: &str = "cargo-deny";
const VERSION: &str = "0.20.2";
/// Each has a lock file beside it.
const MANIFESTS: [&str; 4] = ["Cargo.toml", "bench/Cargo.toml", "examples/frameworks/Cargo.toml", "fuzz/Cargo.toml"];
const FETCH_LIMIT: Duration = Duration::from_secs(90);
/// The variable that names a copy of the database: an archive (tar, gzip) of one folder, as a clone has it.
const VARIABLE: &str = "SILVERBACK_ADVISORY_DB";
/// Where the copy is looked for otherwise, seen from the work tree.
const BESIDE: &str = "../shared/advisory-db.tar.gz";
/// The name that cargo-deny gives to the database: that of its repository, with a hash of the address.
const FOLDER: &str = "advisory-db-3157b0e258782691";
