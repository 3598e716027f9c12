//! The tools and packages that steps install on a machine that lacks them. `cargo xtask test` names them before its
//! first step.

use std::path::{Path, PathBuf};

use crate::step::Step;
use crate::tools;
use crate::workspace::Workspace;

/// A package or tool that one or more steps install.
struct Install {
    name: &'static str,
    place: Place,
    steps: &'static [&'static str],
    sign: Sign,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// By apt-get, which only root may run.
    System,
    /// By rustup.
    Toolchain,
    /// Into a folder of the work tree.
    Folder(&'static str),
}

/// How we see that it is installed.
enum Sign {
    /// One of these programs is on the path.
    Program(&'static [&'static str]),
    /// A cargo subcommand on the path or in `target/tools`.
    Tool(&'static str),
    /// One of these files exists. A relative one is in the work tree, or in cargo's target folder if it begins with
    /// `target/`.
    File(&'static [&'static str]),
    /// A folder in the toolchain's `lib/rustlib`.
    Rustlib(&'static str),
    OpenSsl,
}

/// Prints what these steps will install, and where. A quick run installs nothing.
pub(crate) fn announce(workspace: &Workspace, steps: &[&Step]) {
    let lines = match workspace.is_quick {
        true => Vec::new(),
        false => lines(|step| steps.iter().any(|other| other.name == step), |sign| sign.is_seen(workspace)),
    };
    if !lines.is_empty() {
        println!("This run installs the following, because its steps need it and this machine lacks it:");
        lines.iter().for_each(|line| println!("- {line}"));
        println!("`cargo xtask test --quick` installs nothing.");
    }
}

/// One line for each place in which something will be installed.
fn lines(is_chosen: impl Fn(&str) -> bool, is_seen: impl Fn(&Sign) -> bool) -> Vec<String> {
    let is_needed = |install: &&Install| install.steps.iter().any(|step| is_chosen(step)) && !is_seen(&install.sign);
    let mut places: Vec<(Place, Vec<&str>)> = Vec::new();
    for install in INSTALLS.iter().filter(is_needed) {
        match places.iter_mut().find(|(place, _)| *place == install.place) {
            Some((_, names)) => names.push(install.name),
            None => places.push((install.place, vec![install.name])),
        }
    }
    places.iter().map(|(place, names)| format!("{}: {}", place.words(), names.join(", "))).collect()
}

impl Place {
    fn words(self) -> String {
        match self {
            Self::System if tools::can_install_debian() => "by apt-get, for the whole system".to_owned(),
            Self::System => "missing, and skipped with their steps, because apt-get needs root on Debian".to_owned(),
            Self::Toolchain => "by rustup, into the Rust toolchain".to_owned(),
            Self::Folder(folder) => format!("into {folder}"),
        }
    }
}

impl Sign {
    fn is_seen(&self, workspace: &Workspace) -> bool {
        match self {
            Self::Program(names) => names.iter().any(|name| tools::find(name).is_some()),
            Self::Tool(name) => tools::find(name).is_some() || workspace.target.join("tools/bin").join(name).exists(),
            Self::File(paths) => paths.iter().any(|path| absolute(workspace, path).exists()),
            Self::Rustlib(name) => {
                let sysroot = workspace.task("rustc").args(["--print", "sysroot"]).read().unwrap_or_default();
                Path::new(sysroot.trim()).join("lib/rustlib").join(name).exists()
            }
            Self::OpenSsl => tools::has_openssl(),
        }
    }
}

fn absolute(workspace: &Workspace, path: &str) -> PathBuf {
    match path.strip_prefix("target/") {
        Some(rest) => workspace.target.join(rest),
        None => workspace.root.join(path),
    }
}

const fn debian(name: &'static str, programs: &'static [&'static str], steps: &'static [&'static str]) -> Install {
    Install { name, place: Place::System, steps, sign: Sign::Program(programs) }
}

const fn into_folder(name: &'static str, folder: &'static str, sign: Sign, steps: &'static [&'static str]) -> Install {
    Install { name, place: Place::Folder(folder), steps, sign }
}

const INSTALLS: &[Install] = &[
    Install {
        name: "libssl-dev and pkg-config",
        place: Place::System,
        steps: &["clippy", "features", "rustdoc", "public-api", "tests", "browser", "autobahn-client"],
        sign: Sign::OpenSsl,
    },
    Install {
        name: "gcc-multilib",
        place: Place::System,
        steps: &["tests-32-bit"],
        sign: Sign::File(tools::STARTS_OF_32_BITS),
    },
    Install {
        name: "the target i686-unknown-linux-gnu",
        place: Place::Toolchain,
        steps: &["tests-32-bit"],
        sign: Sign::Rustlib("i686-unknown-linux-gnu"),
    },
    Install {
        name: "the component llvm-tools",
        place: Place::Toolchain,
        steps: &["coverage"],
        sign: Sign::Rustlib("x86_64-unknown-linux-gnu/bin/llvm-cov"),
    },
    debian("valgrind", &["valgrind"], &["kernels-valgrind", "instructions"]),
    debian("chromium", &["chromium", "chromium-browser", "google-chrome"], &["browser"]),
    debian("nodejs", &["node", "nodejs"], NODE),
    debian("npm", &["npm"], NODE),
    debian("python3-venv", &["python3"], PYTHON),
    debian("python2.7-dev", &["python2.7", "python2", "pyenv"], AUTOBAHN),
    debian("tinyproxy-bin", &["tinyproxy"], &["proxies", "connect-proxies"]),
    debian("microsocks", &["microsocks"], &["proxies", "connect-proxies"]),
    debian("dante-server", &["danted", "sockd"], &["connect-proxies"]),
    debian("nginx", &["nginx"], &["proxies", "connect-fronts"]),
    debian("haproxy", &["haproxy"], &["connect-fronts"]),
    debian("openssl", &["openssl"], &["connect-tls", "connect-proxies", "connect-fronts"]),
    into_folder("cargo-deny", "target/tools", Sign::Tool("cargo-deny"), &["deny", "advisories"]),
    into_folder("cargo-public-api", "target/tools", Sign::Tool("cargo-public-api"), &["public-api"]),
    into_folder("cargo-fuzz", "target/tools", Sign::Tool("cargo-fuzz"), &["fuzz"]),
    into_folder("Python packages", "target/outside", Sign::File(&["target/outside/python"]), PYTHON),
    into_folder("the Autobahn suite", "target/outside", Sign::File(&["target/outside/autobahn"]), AUTOBAHN),
    into_folder(
        "node packages",
        "tests/interop/node",
        Sign::File(&["tests/interop/node/node_modules"]),
        &["node-client", "node-server", "connect-tls"],
    ),
    into_folder(
        "node packages",
        "silverback-cli/tests/browser",
        Sign::File(&["silverback-cli/tests/browser/node_modules"]),
        &["browser"],
    ),
];
const NODE: &[&str] = &["node-client", "node-server", "connect-tls", "browser"];
const PYTHON: &[&str] = &[
    "python-client",
    "python-server",
    "python-differential",
    "connect-tls",
    "connect-proxies",
    "connect-fronts",
    "autobahn-server",
    "autobahn-client",
];
const AUTOBAHN: &[&str] = &["autobahn-server", "autobahn-client", "autobahn-table"];

#[cfg(test)]
#[path = "installs_tests.rs"]
mod tests;
