//! The program with the profile of published builds, and a service that runs it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::process::{Running, Task};
use crate::ready;
use crate::tools;
use crate::workspace::Workspace;

/// Builds it if it is not up to date and returns its path.
pub(crate) fn ensure(workspace: &Workspace) -> Result<PathBuf, Error> {
    ensure_for(workspace, None)
}

/// The same for a target like `x86_64-unknown-linux-musl`.
pub(crate) fn ensure_for(workspace: &Workspace, target: Option<&str>) -> Result<PathBuf, Error> {
    let arguments = ["build", "--profile", "dist", "--package", "silverback-cli"];
    workspace.cargo(&arguments).args(target.iter().flat_map(|target| ["--target", target])).limit(BUILD_LIMIT).run()?;
    let folder = target.map_or_else(|| workspace.target.clone(), |target| workspace.target.join(target));
    let path = folder.join("dist/silverback");
    if !path.is_file() {
        return Err(Error::Failed(format!("the build left no {}", path.display())));
    }
    Ok(path)
}

/// An example of the library, as `cargo test` has built it.
pub(crate) fn ensure_example(workspace: &Workspace, name: &str) -> Result<PathBuf, Error> {
    tools::need_openssl()?;
    workspace.cargo(&["build", "--workspace", "--all-features", "--example", name]).run()?;
    Ok(workspace.target.join("debug/examples").join(name))
}

/// The programs of the tutorial that have a page, beside the folder of the examples.
pub(crate) fn ensure_tutorial(workspace: &Workspace) -> Result<(), Error> {
    let programs = ["echo", "chat", "login"].into_iter().flat_map(|name| ["--bin", name]);
    workspace.cargo(&["build", "--workspace", "--all-features"]).args(programs).run()
}

/// The program, serving.
pub(crate) struct Service {
    running: Running,
    address: SocketAddr,
}

impl Service {
    /// Starts it on a free port. `name` is part of the name of its log.
    pub(crate) fn start(workspace: &Workspace, name: &str, arguments: &[&str]) -> Result<Self, Error> {
        Self::start_when(workspace, name, arguments, |address| ready::answers(address, "/healthz", "ok"))
    }

    /// Starts it with a certificate and its key, for TLS on a free TCP port and HTTP/3 on the UDP port of that number.
    pub(crate) fn start_secure(
        workspace: &Workspace,
        name: &str,
        arguments: &[&str],
        [certificate, key]: &[String; 2],
    ) -> Result<Self, Error> {
        let secure = ["--tls-cert", certificate, "--tls-key", key];
        Self::start_when(workspace, name, &[&secure, arguments].concat(), ready::accepts)
    }

    fn start_when(
        workspace: &Workspace,
        name: &str,
        arguments: &[&str],
        is_ready: impl Fn(SocketAddr) -> bool,
    ) -> Result<Self, Error> {
        let path = ensure(workspace)?;
        let address = ready::free_address()?;
        let mut running = Task::new(path)
            .args(["--listen", &address.to_string(), "--quiet"])
            .args(arguments)
            .start(&workspace.log(&format!("silverback-{name}")))?;
        ready::wait_until(&mut running, "silverback", || is_ready(address))?;
        Ok(Self { running, address })
    }

    pub(crate) fn echo_url(&self) -> String {
        format!("ws://{}/ws/echo", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) -> Result<(), Error> {
        self.running.terminate()
    }

    /// Waits until it exits, which must be with code 0.
    pub(crate) fn finish(self) -> Result<(), Error> {
        self.running.finish(STOP_LIMIT)
    }

    /// Sends SIGTERM and waits.
    pub(crate) fn stop(self) -> Result<(), Error> {
        self.terminate()?;
        self.finish()
    }
}

const BUILD_LIMIT: Duration = Duration::from_secs(60 * 60);
const STOP_LIMIT: Duration = Duration::from_secs(20);
