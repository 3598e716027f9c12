//! The proxies that tests of the book and of the program start in front of servers: nginx and HAProxy of Debian, Envoy and
//! Caddy of PyPI. And the tools of systemd, which need no running systemd.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::interop::python;
use crate::tools;
use crate::workspace::Workspace;

/// Installs what is missing, and returns the variables that tell tests where the programs are. One that cannot be
/// installed is left out: its test then says so, and fails in CI.
pub(crate) fn variables(workspace: &Workspace) -> Vec<(&'static str, PathBuf)> {
    let from_python = |name: &str| Ok(python::http_environment(workspace)?.with_file_name(name));
    let found = [
        ("SILVERBACK_NGINX", nginx()),
        ("SILVERBACK_SYSTEMD_ANALYZE", tools::from_debian(&["systemd-analyze"], &["systemd"])),
        ("SILVERBACK_SOCKET_ACTIVATE", tools::from_debian(&["systemd-socket-activate"], &["systemd"])),
        ("SILVERBACK_HAPROXY", tools::from_debian(&["haproxy"], &["haproxy"])),
        ("SILVERBACK_ENVOY", from_python("envoy")),
        ("SILVERBACK_CADDY", from_python("caddy")),
    ];
    let mut variables = Vec::new();
    for (variable, path) in found {
        match path {
            Ok(path) => variables.push((variable, path)),
            Err(error) => println!("NO PROGRAM FOR {variable}: {error}"),
        }
    }
    variables
}

/// nginx, and its module that passes bytes on.
fn nginx() -> Result<PathBuf, Error> {
    let nginx = tools::from_debian(&["nginx"], &["nginx"])?;
    if !Path::new("/usr/lib/nginx/modules/ngx_stream_module.so").exists() {
        tools::install_debian(&["libnginx-mod-stream"])?;
    }
    Ok(nginx)
}
