//! The start of each step: certificates, our servers, and our client, which goes each way to a server.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, OrFailed as _, Verdict};
use crate::interop::certificates::Certificates;
use crate::interop::{LIMIT, failed_check, passed_checks};
use crate::process::{Running, Task};
use crate::program;
use crate::ready;
use crate::workspace::Workspace;

pub(super) struct Bench<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) certificates: Certificates,
    /// Our server without TLS: HTTP/1.1, or HTTP/2 from the first byte.
    pub(super) plain: SocketAddr,
    /// Our server with TLS, whose certificate is for `localhost`.
    pub(super) secure: SocketAddr,
    name: &'static str,
    client: PathBuf,
    passed: AtomicUsize,
    _servers: [Running; 2],
}

/// Another party that runs, and the ways through it.
pub(super) struct Peer {
    pub(super) routes: Vec<Route>,
    pub(super) _running: Running,
}

/// One way from our client to a server.
pub(super) struct Route {
    /// Which way that is, for people.
    name: String,
    url: String,
    /// Further arguments of our client.
    arguments: Vec<&'static str>,
}

impl Route {
    /// From our client to a server of another implementation.
    pub(super) fn to(server: &str, over: &'static str, url: String) -> Self {
        let name = format!("{server}, over HTTP/{over}");
        Self { name, url, arguments: vec!["--http", version(over), "--behind", behind(over)] }
    }

    /// From our client to our server, with nothing between.
    pub(super) fn direct(over: &'static str, url: String) -> Self {
        let name = format!("nothing between, over HTTP/{over}");
        Self { name, url, arguments: vec!["--http", version(over), "--behind", behind(over)] }
    }

    /// Through a proxy, from one version of HTTP to another.
    pub(super) fn through(proxy: &str, from: &'static str, to: &'static str, url: String) -> Self {
        let name = format!("{proxy}, from HTTP/{from} to HTTP/{to}");
        Self { name, url, arguments: vec!["--http", version(from), "--behind", behind(to)] }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// With another argument of our client, and its value.
    pub(super) fn with(mut self, argument: &'static str, value: &'static str) -> Self {
        self.arguments.extend([argument, value]);
        self
    }
}

impl<'a> Bench<'a> {
    pub(super) fn start(workspace: &'a Workspace, name: &'static str) -> Result<Self, Error> {
        let certificates = Certificates::make(workspace, name)?;
        let client = program::ensure_example(workspace, "interop_versions")?;
        let server = program::ensure_example(workspace, "interop_server")?;
        let (plain, plain_server) = serve(Task::new(&server), &workspace.log(&format!("{name}-ours-plain")))?;
        let secure = Task::new(&server).arg("--tls").args(certificates.papers());
        let (secure, secure_server) = serve(secure, &workspace.log(&format!("{name}-ours-secure")))?;
        let _servers = [plain_server, secure_server];
        Ok(Self { workspace, certificates, plain, secure, name, client, passed: AtomicUsize::new(0), _servers })
    }

    /// Our client does all of its checks.
    pub(super) fn talk(&self, route: &Route) -> Result<(), Error> {
        let task = Task::new(&self.client).args([&route.url, "--name", &route.name]).args(&route.arguments);
        self.listen(task.args(["--ca", &self.certificates.path("authority.pem")]))
    }

    /// A client of another implementation does its checks.
    pub(super) fn listen(&self, client: Task) -> Result<(), Error> {
        self.count(&client.limit(LIMIT).read_aloud().succeeded_or_named(failed_check)?)
    }

    /// Counts checks of others.
    pub(super) fn add(&self, checks: usize) {
        self.passed.fetch_add(checks, Ordering::Relaxed);
    }

    /// Counts the checks that the output reports.
    fn count(&self, output: &str) -> Result<(), Error> {
        self.add(passed_checks(output)?);
        Ok(())
    }

    /// The URL of our server with TLS.
    pub(super) fn secure_url(&self) -> String {
        format!("wss://localhost:{}", self.secure.port())
    }

    pub(super) fn verdict(&self) -> Verdict {
        let count = self.passed.load(Ordering::Relaxed);
        Ok(format!("{count} conversations; tests/interop/README.md lists what a peer cannot do"))
    }

    /// Writes a file of settings beside the certificates.
    pub(super) fn settings(&self, file: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.certificates.folder.join(file);
        fs::write(&path, text).or_failed(path.display())?;
        Ok(path)
    }

    pub(super) fn log(&self, of: &str) -> PathBuf {
        self.workspace.log(&format!("{}-{of}", self.name))
    }

    /// Starts another party, which is ready when it accepts connections.
    pub(super) fn run(&self, name: &str, task: Task, address: SocketAddr) -> Result<Running, Error> {
        let mut running = task.start(&self.log(name))?;
        ready::wait_until(&mut running, name, || ready::accepts(address))?;
        Ok(running)
    }
}

/// The version in `2 over TLS`.
fn version(words: &'static str) -> &'static str {
    words.split(' ').next().unwrap_or(words)
}

/// The version as our server words it.
fn behind(words: &str) -> &'static str {
    match words.as_bytes() {
        [b'3', ..] => "HTTP/3.0",
        [b'2', ..] => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

/// As many loopback addresses with free ports as are asked for.
pub(super) fn free_addresses<const COUNT: usize>() -> Result<[SocketAddr; COUNT], Error> {
    let mut addresses = [SocketAddr::from(([127, 0, 0, 1], 0)); COUNT];
    for address in &mut addresses {
        *address = ready::free_address()?;
    }
    Ok(addresses)
}

fn serve(task: Task, log: &Path) -> Result<(SocketAddr, Running), Error> {
    let mut running = task.start(log)?;
    let url = running.wait_for_line("listening ", LIMIT)?;
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).or_failed(&url)?;
    Ok((SocketAddr::from(([127, 0, 0, 1], port)), running))
}
