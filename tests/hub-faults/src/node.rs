//! The process of a node: started on a free port, killed, frozen, and looked at from outside.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::{
    http::{API_KEY, Client},
    scale::TOPIC_PREFIX,
};

/// A node. Dropping it ends its process.
pub(crate) struct Node {
    program: PathBuf,
    config: PathBuf,
    address: SocketAddr,
    metrics: SocketAddr,
    log: PathBuf,
    child: Option<Child>,
}

/// What all nodes of a run have in common.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The program `silverback`.
    pub(crate) program: PathBuf,
    /// For configurations and logs.
    pub(crate) folder: PathBuf,
    /// The URL of the broker, or `memory`.
    pub(crate) engine: String,
    /// How long a member stays present without being renewed.
    pub(crate) lease: Duration,
}

impl Node {
    /// Writes the configuration of a node and chooses its port. It does not run yet.
    pub(crate) fn new(settings: &Settings, name: &str) -> io::Result<Self> {
        // Both at once, so that they differ.
        let listeners = [TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?];
        let [address, metrics] = [listeners[0].local_addr()?, listeners[1].local_addr()?];
        let config = settings.folder.join(format!("{name}.toml"));
        File::create(&config)?.write_all(configuration(settings, address, metrics).as_bytes())?;
        let log = settings.folder.join(format!("{name}.log"));
        let _ = fs::remove_file(&log);
        Ok(Self { program: settings.program.clone(), config, address, metrics, log, child: None })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn start(&mut self) -> io::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command.args(["hub", "--config"]).arg(&self.config);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn()?);
        Ok(())
    }

    /// Ends the process at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    pub(crate) fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    pub(crate) fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Waits until `/readyz` says so, or the opposite.
    pub(crate) async fn wait_until_ready(&mut self, is_ready: bool) -> Result<(), String> {
        let wanted = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let until = Instant::now() + PATIENCE;
        let mut client = Client::new(self.address);
        let mut last = String::new();
        while Instant::now() < until {
            self.must_run()?;
            match client.get("/readyz").await {
                Ok((status, _)) if status == wanted => return Ok(()),
                Ok((status, _)) => last = status.to_string(),
                Err(error) => last = error,
            }
            sleep(POLL).await;
        }
        Err(format!("/readyz did not become {wanted} within {PATIENCE:?}: {last}"))
    }

    /// Returns the value of a metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> Result<u64, String> {
        let (_, body) = Client::new(self.metrics).get("/metrics").await?;
        let text = String::from_utf8_lossy(&body);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("there is no metric {name}"))
    }

    /// Fails if the process has ended by itself.
    pub(crate) fn must_run(&mut self) -> Result<(), String> {
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => Ok(()),
            Some(Ok(Some(status))) => Err(format!("a node ended with {status}: see {}", self.log.display())),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("a node does not run".to_owned()),
        }
    }

    /// Returns the bytes of memory that the process has in use.
    pub(crate) fn resident(&self) -> Result<u64, String> {
        let status = fs::read_to_string(self.proc("status")?).map_err(|error| error.to_string())?;
        let field = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = field.trim().trim_end_matches(" kB").parse().map_err(|_| "VmRSS is not a number")?;
        Ok(kib * 1024)
    }

    /// Returns how many descriptors the process has open.
    pub(crate) fn descriptors(&self) -> Result<usize, String> {
        Ok(fs::read_dir(self.proc("fd")?).map_err(|error| error.to_string())?.count())
    }

    fn proc(&self, file: &str) -> Result<PathBuf, String> {
        let child = self.child.as_ref().ok_or("a node does not run")?;
        Ok(Path::new("/proc").join(child.id().to_string()).join(file))
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let child = self.child.as_ref().ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn configuration(settings: &Settings, address: SocketAddr, metrics: SocketAddr) -> String {
    let Settings { engine, lease, .. } = settings;
    format!(
        "listen = \"{address}\"\n\
         metrics = \"{metrics}\"\n\
         engine = \"{engine}\"\n\
         presence_lease = \"{}s\"\n\
         anonymous = true\n\
         close_timeout = \"60s\"\n\
         api_key = \"{API_KEY}\"\n\
         [namespaces.\"{TOPIC_PREFIX}*\"]\n\
         open = true\n\
         presence = true\n\
         history_size = {HISTORY}\n",
        lease.as_secs()
    )
}

/// More publications than a topic gets while its members are away.
const HISTORY: usize = 2000;
/// How long a node may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
