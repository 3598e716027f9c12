//! Real proxies from Debian: tinyproxy for HTTP CONNECT, microsocks for SOCKS5, each with and without a password; and
//! nginx in front of the service.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::{LIMIT, failed_check, nginx, passed};
use crate::error::{Error, OrFailed as _, Verdict};
use crate::process::{Running, Task};
use crate::program;
use crate::ready;
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn step(workspace: &Workspace) -> Verdict {
    let tinyproxy = tools::from_debian(&["tinyproxy"], &["tinyproxy-bin"])?;
    let microsocks = tools::from_debian(&["microsocks"], &["microsocks"])?;
    let client = program::ensure_example(workspace, "interop_proxies")?;
    // They end when this ends.
    let proxies = [
        Proxy::http(workspace, &tinyproxy, false)?,
        Proxy::http(workspace, &tinyproxy, true)?,
        Proxy::socks(workspace, &microsocks, false)?,
        Proxy::socks(workspace, &microsocks, true)?,
    ];
    let urls = proxies.iter().map(Proxy::url);
    let output = Task::new(client).args(urls).limit(LIMIT).read_aloud().succeeded_or_named(failed_check)?;
    // The last one is a reverse proxy: nginx in front of the service.
    let settings = nginx::settings(workspace)?;
    passed(&output, settings)
}

pub(super) struct Proxy {
    pub(super) scheme: &'static str,
    pub(super) address: SocketAddr,
    pub(super) has_password: bool,
    _running: Running,
}

impl Proxy {
    pub(super) fn http(workspace: &Workspace, tinyproxy: &Path, has_password: bool) -> Result<Self, Error> {
        let address = ready::free_address()?;
        let log = log(workspace, "tinyproxy", has_password);
        let password = if has_password { format!("BasicAuth {USER} {PASSWORD}\n") } else { String::new() };
        let settings = log.with_extension("conf");
        fs::write(&settings, format!("Listen {}\nPort {}\n{password}", address.ip(), address.port()))
            .or_failed(settings.display())?;
        let task = Task::new(tinyproxy).arg("-d").arg("-c").arg(&settings);
        Self::start("http", address, has_password, task, &log)
    }

    pub(super) fn socks(workspace: &Workspace, microsocks: &Path, has_password: bool) -> Result<Self, Error> {
        let address = ready::free_address()?;
        let password: &[&str] = if has_password { &["-u", USER, "-P", PASSWORD] } else { &[] };
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let task = Task::new(microsocks).args(["-i", &ip, "-p", &port]).args(password);
        Self::start("socks5", address, has_password, task, &log(workspace, "microsocks", has_password))
    }

    pub(super) fn start(
        scheme: &'static str,
        address: SocketAddr,
        has_password: bool,
        task: Task,
        log: &Path,
    ) -> Result<Self, Error> {
        let mut running = task.start(log)?;
        ready::wait_until(&mut running, scheme, || ready::accepts(address))?;
        Ok(Self { scheme, address, has_password, _running: running })
    }

    pub(super) fn url(&self) -> String {
        let user = if self.has_password { format!("{USER}:{PASSWORD}@") } else { String::new() };
        format!("{}://{user}{}", self.scheme, self.address)
    }
}

fn log(workspace: &Workspace, name: &str, has_password: bool) -> std::path::PathBuf {
    // Settings are written beside the log before anything is logged; without the folder that fails and says so.
    let _ = fs::create_dir_all(workspace.artifacts().join("logs"));
    workspace.log(&format!("{name}-{}", if has_password { "password" } else { "open" }))
}

const USER: &str = "aladdin";
const PASSWORD: &str = "sesame";
