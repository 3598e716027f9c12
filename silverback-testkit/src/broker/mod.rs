//! A broker that a test starts, kills, freezes and starts again.
//!
//! Each broker is a process of its own, on a free port of 127.0.0.1, with its own data folder. It ends with its
//! [`Broker`].
//!
//! ```no_run
//! use silverback_testkit::broker::{Broker, nats::Nats};
//!
//! let Some(nats) = Nats::installed() else { return };
//! let mut broker = Broker::start(nats);
//! println!("{}", broker.url());
//! broker.kill();
//! broker.restart();
//! ```

pub mod nats;
pub mod redis;

use std::{
    env, fs,
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// How to start one kind of broker.
pub trait Kind: Send + Sync + 'static {
    /// The scheme of its URL, such as `nats`.
    fn scheme(&self) -> &'static str;

    /// The command that runs it in the foreground on this port of 127.0.0.1, with its data in this folder.
    fn command(&self, port: u16, folder: &Path) -> Command;

    /// Whether a new connection shows that the broker is ready. It is asked until it says so.
    fn is_ready(&self, stream: &mut TcpStream) -> io::Result<bool>;
}

/// A broker's process. Dropping it ends the process and removes its folder.
pub struct Broker {
    kind: Box<dyn Kind>,
    port: u16,
    folder: PathBuf,
    child: Option<Child>,
}

impl Broker {
    /// Starts a broker without data and waits until it is ready.
    ///
    /// # Panics
    /// If the broker does not start.
    pub fn start(kind: impl Kind) -> Self {
        let mut broker = Self { kind: Box::new(kind), port: 0, folder: new_folder(), child: None };
        // Another process may take the free port first, so this is tried several times.
        for _ in 0..ATTEMPTS {
            broker.port = free_port();
            if broker.try_start() {
                return broker;
            }
        }
        panic!("the broker does not start:\n{}", broker.log());
    }

    /// Reserves the port and the folder of a broker that does not run yet; see [`restart`](Self::restart).
    pub fn stopped(kind: impl Kind) -> Self {
        Self { kind: Box::new(kind), port: free_port(), folder: new_folder(), child: None }
    }

    /// Its port on 127.0.0.1. It stays the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without a user.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.kind.scheme(), self.port)
    }

    /// What it has printed since it was created, for the message of a test that fails.
    pub fn log(&self) -> String {
        fs::read(self.folder.join(LOG)).map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into_owned())
    }

    /// Ends the process at once, as `kill -9` does, and keeps its data.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the broker can be killed");
            child.wait().expect("a killed process ends");
        }
    }

    /// Starts the broker again on the same port with the data that it had.
    ///
    /// # Panics
    /// If the broker does not start.
    pub fn restart(&mut self) {
        self.kill();
        // The kernel may need a moment to free the port.
        for _ in 0..ATTEMPTS {
            if self.try_start() {
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
        panic!("the broker does not start again:\n{}", self.log());
    }

    /// Starts the broker again on the same port without its data.
    pub fn restart_empty(&mut self) {
        self.kill();
        fs::remove_dir_all(self.data()).expect("the data can be removed");
        self.restart();
    }

    /// Keeps a copy of the data of a broker that was killed.
    pub fn save(&self) {
        assert!(self.child.is_none(), "a running broker changes its data");
        let _ = fs::remove_dir_all(self.saved());
        copy(&self.data(), &self.saved()).expect("the data can be copied");
    }

    /// Starts the broker again on the same port with the data that were [saved](Self::save) last, as after a loss of
    /// power or from a backup.
    pub fn restart_saved(&mut self) {
        self.kill();
        fs::remove_dir_all(self.data()).expect("the data can be removed");
        copy(&self.saved(), &self.data()).expect("the data can be copied");
        self.restart();
    }

    /// Changes the options of the broker; they hold from the next restart on.
    pub fn change(&mut self, kind: impl Kind) {
        self.kind = Box::new(kind);
    }

    /// Stops the process as it is (SIGSTOP): its connections stay open, and nothing answers. Returns when all of its
    /// threads have stopped.
    pub fn freeze(&self) {
        let pid = self.signal(Signal::STOP);
        waitpid(Some(pid), WaitOptions::UNTRACED).expect("the broker stops");
    }

    /// Continues a frozen process (SIGCONT).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) -> Pid {
        let pid = Pid::from_child(self.child.as_ref().expect("the broker runs"));
        kill_process(pid, signal).expect("the broker takes a signal");
        pid
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn saved(&self) -> PathBuf {
        self.folder.join("saved")
    }

    /// Returns whether the broker is ready. A broker that has ended is not, and its log says why.
    fn try_start(&mut self) -> bool {
        fs::create_dir_all(self.data()).expect("a folder for the data");
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join(LOG)).expect("a file");
        let mut command = self.kind.command(self.port, &self.data());
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let child = self.child.insert(child);
        let until = Instant::now() + READY;
        while Instant::now() < until {
            if child.try_wait().expect("the process can be waited for").is_some() {
                self.child = None;
                return false;
            }
            if is_ready(&*self.kind, self.port).unwrap_or(false) {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.kill();
        false
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Finds a program in a variable of the environment or in the search path, or says loudly that tests are skipped.
///
/// # Panics
/// If it is missing and the variable `CI` is set, because a test that silently stops running is worthless.
pub fn installed(variable: &str, name: &str, package: &str) -> Option<PathBuf> {
    let in_path = || {
        let folders = env::var_os("PATH").unwrap_or_default();
        // Debian keeps servers outside of the search path of most users.
        let folders: Vec<_> = env::split_paths(&folders).chain(["/usr/sbin".into()]).collect();
        folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    };
    let found = env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from).or_else(in_path);
    if found.is_none() {
        missing(&format!("{name} is not installed ({package}), and {variable} is not set"));
    }
    found
}

/// Says loudly that a test is skipped.
///
/// # Panics
/// If the variable `CI` is set.
#[expect(clippy::print_stderr, reason = "whoever runs the tests must see what did not run")]
pub fn missing(what: &str) {
    let is_ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!is_ci, "{what}");
    eprintln!("SKIPPED: {what}");
}

fn is_ready(kind: &dyn Kind, port: u16) -> io::Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    kind.is_ready(&mut stream)
}

/// Returns what arrives until the end of the first line.
fn first_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < 64 * 1024 && line.last() != Some(&b'\n') {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Returns a port of 127.0.0.1 on which nothing listens at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// Makes an empty folder that no other test has.
pub(crate) fn new_folder() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("silverback-testkit-{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}

/// How often a start is tried.
const ATTEMPTS: u32 = 5;
/// How long a broker may take until it is ready. Machines that run many tests are slow.
const READY: Duration = Duration::from_secs(30);
const LOG: &str = "log";

#[cfg(test)]
mod tests;
