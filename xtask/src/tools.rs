//! Finds the tools that a step needs and installs some of them: cargo subcommands into the target
//! folder, Debian's packages when we are root on a machine with apt.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use serde_json::Value;

use crate::error::{Error, OrMissing as _};
use crate::process::Task;
use crate::version;
use crate::workspace::Workspace;

/// How many cores this machine has.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Looks for a program where the shell would.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| is_executable(path))
}

/// A program under any of its names, from its Debian package if need be.
pub(crate) fn from_debian(names: &[&str], packages: &[&str]) -> Result<PathBuf, Error> {
    let find_any = || names.iter().find_map(|name| find(name));
    if let Some(path) = find_any() {
        return Ok(path);
    }
    install_debian(packages)?;
    find_any().ok_or_else(|| Error::Missing(format!("{} did not bring {}", packages.join(" "), names.join(" or "))))
}

/// Installs Debian packages, or says that a person should.
pub(crate) fn install_debian(packages: &[&str]) -> Result<(), Error> {
    let wanted = packages.join(" ");
    if !can_install_debian() {
        return Err(Error::Missing(format!("please install {wanted} (Debian: apt-get install {wanted})")));
    }
    println!("installing {wanted} with apt-get, for the whole system");
    apt_get_install().args(packages).run().or_missing(format_args!("cannot install {wanted}"))
}

/// Downloads Debian packages, and those that they need and that are not installed, into a folder.
pub(crate) fn download_debian(packages: &[&str], folder: &Path) -> Result<(), Error> {
    let wanted = packages.join(" ");
    if !can_install_debian() {
        return Err(Error::Missing(format!("apt-get cannot be used here to get {wanted}")));
    }
    println!("downloading {wanted} with apt-get");
    let folder = format!("Dir::Cache::archives={}", folder.display());
    let task = apt_get_install().args(["--download-only", "-o", &folder]).args(packages);
    task.run().or_missing(format_args!("cannot download {wanted}"))
}

fn can_install_debian() -> bool {
    rustix::process::geteuid().is_root() && find("apt-get").is_some()
}

/// The arguments for a build of the workspace with all features. On Linux, `native-tls` links the system's OpenSSL: a
/// quick run leaves that feature out if OpenSSL is missing, any other run installs OpenSSL.
pub(crate) fn workspace_with_all_features(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let all = ["--workspace", "--all-features"].map(str::to_owned).to_vec();
    if has_openssl() {
        return Ok(all);
    }
    if !workspace.is_quick {
        need_openssl()?;
        return Ok(all);
    }
    println!("OpenSSL is not installed: the feature {NATIVE_TLS} is left out.");
    Ok(vec!["--workspace".to_owned(), "--features".to_owned(), features_without_openssl(workspace).join(",")])
}

/// Adds a `component` or a `target` to the Rust toolchain, unless this part of `lib/rustlib` exists, and
/// returns its path.
pub(crate) fn add_to_toolchain(workspace: &Workspace, kind: &str, name: &str, part: &str) -> Result<PathBuf, Error> {
    let sysroot = workspace.task("rustc").args(["--print", "sysroot"]).read()?;
    let part = Path::new(sysroot.trim()).join("lib/rustlib").join(part);
    if !part.exists() {
        let rustup = find("rustup").ok_or_else(|| Error::Missing("rustup is not installed".to_owned()))?;
        println!("installing the {kind} {name} with rustup, into the Rust toolchain");
        let added = workspace.task(rustup).args([kind, "add", name]).run();
        added.or_missing(format_args!("cannot install the {kind} {name}"))?;
    }
    Ok(part)
}

/// Installs OpenSSL if the machine lacks it.
pub(crate) fn need_openssl() -> Result<(), Error> {
    if has_openssl() { Ok(()) } else { install_debian(&["libssl-dev", "pkg-config"]) }
}

fn has_openssl() -> bool {
    !cfg!(target_os = "linux") || Task::new("pkg-config").args(["--exists", "openssl"]).succeeds()
}

/// Every feature of the workspace as `package/feature`, but not `native-tls` and what needs it.
fn features_without_openssl(workspace: &Workspace) -> Vec<String> {
    let of_package = |package: &Value| {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let features = package["features"].as_object().into_iter().flatten().map(|(feature, _)| feature.clone());
        features
            .filter(|feature| !feature.contains(NATIVE_TLS))
            .map(move |feature| format!("{name}/{feature}"))
            .collect::<Vec<_>>()
    };
    workspace.members().flat_map(of_package).collect()
}

fn apt_get_install() -> Task {
    let apt_get = |arguments: &[&str]| Task::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    LISTS_ARE_FRESH.get_or_init(|| apt_get(&["update", "--quiet"]).succeeds());
    apt_get(&["install", "--yes", "--quiet", "--no-install-recommends"])
}

/// A cargo subcommand of at least the given version: the one on the path, or our own under `target/tools`.
pub(crate) fn cargo_tool(workspace: &Workspace, name: &str, wanted: &str) -> Result<PathBuf, Error> {
    cargo_tool_with(workspace, name, wanted, &[])
}

/// The same for any program of crates.io, built with `options` of `cargo install`.
pub(crate) fn cargo_tool_with(
    workspace: &Workspace,
    name: &str,
    wanted: &str,
    options: &[&str],
) -> Result<PathBuf, Error> {
    let folder = workspace.target.join("tools");
    let ours = folder.join("bin").join(name);
    for candidate in find(name).into_iter().chain([ours.clone()]) {
        if has_version(&candidate, name, wanted) {
            return Ok(candidate);
        }
    }
    println!("installing {name} {wanted} into {}", folder.display());
    let build = folder.join("build");
    // Without optimization and debug information: compiling it costs more than its few seconds of work.
    let result = workspace
        .cargo(&["install", "--quiet", "--locked", "--debug", "--force", "--version", wanted, name])
        .args(options)
        .arg("--root")
        .arg(&folder)
        .arg("--target-dir")
        .arg(&build)
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .run();
    let _ = std::fs::remove_dir_all(&build);
    result.or_missing(format_args!("cannot install {name}"))?;
    Ok(ours)
}

fn has_version(program: &Path, name: &str, wanted: &str) -> bool {
    let subcommand = name.strip_prefix("cargo-");
    is_executable(program)
        && Task::new(program)
            .args(subcommand)
            .arg("--version")
            .read()
            .is_ok_and(|text| version::parse(&text) >= version::parse(wanted))
}

/// The installed toolchain of that channel or version, by the name that rustup gives it.
pub(crate) fn toolchain(wanted: &str) -> Option<String> {
    find("rustup")?;
    let list = Task::new("rustup").args(["toolchain", "list"]).read().ok()?;
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    // `1.85` may be installed as `1.85-<host>` or as `1.85.1-<host>`.
    let is_wanted = |name: &&str| name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(['-', '.']));
    names.filter(is_wanted).map(str::to_owned).next()
}

/// `rustup run <toolchain>`, with our own toolchain forgotten.
pub(crate) fn in_toolchain(workspace: &Workspace, name: &str) -> Task {
    Task::new("rustup")
        .args(["run", name])
        .current_dir(&workspace.root)
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTDOC")
        .env_remove("RUSTUP_TOOLCHAIN")
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

const NATIVE_TLS: &str = "native-tls";
static LISTS_ARE_FRESH: OnceLock<bool> = OnceLock::new();
