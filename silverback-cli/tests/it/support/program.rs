//! The program as a child process.

#[cfg(target_os = "linux")]
use std::collections::BTreeSet;
use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    os::fd::OwnedFd,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use rustix::process::{Pid, Signal, kill_process};

use super::wait_until;

/// The running program. Killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    /// Where it listens; the first address if there are several, and 0.0.0.0:0 if there is only a Unix socket.
    pub(crate) address: SocketAddr,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    /// Standard output, if the test does not read it yet.
    unread: Option<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts it on 127.0.0.1 with these options.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_with(options, &[("SILVERBACK_LISTEN", "127.0.0.1:0")])
    }

    pub(crate) fn start_with(options: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut program = Self::start_unread(options, environment);
        let out = program.unread.take().unwrap();
        program.readers.push(collect(out, program.out.clone()));
        program
    }

    /// Starts it, and reads no more of its output than the lines at the start.
    pub(crate) fn start_unread(options: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(command(options, environment))
    }

    /// Starts it on 127.0.0.1 where it may have no more than so many descriptors.
    pub(crate) fn start_limited(descriptors: u32, options: &[&str]) -> Self {
        Self::start_after(&format!("ulimit -n {descriptors}"), options)
    }

    /// Starts it on 127.0.0.1 as nohup does.
    pub(crate) fn start_without_hangup() -> Self {
        Self::start_after("trap '' HUP", &[])
    }

    /// Starts it on 127.0.0.1 after these commands of the shell.
    pub(crate) fn start_after(preparation: &str, options: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{preparation} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_silverback")]);
        shell.args(["--listen", "127.0.0.1:0"]).args(options);
        let mut program = Self::spawn(shell);
        program.read_output();
        program
    }

    /// Starts it with a socket that listens already, as systemd does.
    pub(crate) fn start_with_socket(socket: OwnedFd, name: &str, options: &[&str]) -> Self {
        let mut program = Self::spawn(given(socket, name, options));
        program.read_output();
        program
    }

    /// Runs it to its end with a socket that listens already: exit code, standard error.
    pub(crate) fn run_with_socket(socket: OwnedFd, name: &str, options: &[&str]) -> (Option<i32>, String) {
        let output = given(socket, name, options).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Starts a command that becomes the program.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (out, err) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
        let readers = vec![collect(child.stderr.take().unwrap(), err.clone())];
        let mut first_lines = String::new();
        stdout.read_line(&mut first_lines).unwrap();
        // As JSON, all of the announcement is one line.
        if !first_lines.starts_with('{') {
            stdout.read_line(&mut first_lines).unwrap();
        }
        let has_only_a_file = first_lines.contains("through the Unix socket");
        let address = address_in(&first_lines).or(has_only_a_file.then_some(SocketAddr::from(([0, 0, 0, 0], 0))));
        let address = address.unwrap_or_else(|| panic!("no URL in {first_lines:?}: {:?}", err.lock()));
        out.lock().unwrap().push_str(&first_lines);
        Self { child, address, out, err, readers, unread: Some(stdout) }
    }

    /// Closes the reading end of its output.
    pub(crate) fn close_output(&mut self) {
        self.unread = None;
    }

    /// Starts to read the output that was left unread.
    pub(crate) fn read_output(&mut self) {
        if let Some(out) = self.unread.take() {
            self.readers.push(collect(out, self.out.clone()));
        }
    }

    /// Returns its output so far.
    pub(crate) fn output(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    /// Returns its lines on standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn wait_for_output(&self, text: &str) {
        wait_until(&format!("{text:?} on standard output"), || self.output().contains(text));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end, and for the last of its output.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status.unwrap()
    }

    /// Ends the program as a supervisor does. It must end in order, and without connections.
    #[track_caller]
    pub(crate) fn check_stops_empty(mut self) {
        // Its side of a closing handshake may take a moment longer than the client's.
        #[cfg(target_os = "linux")]
        wait_until("its connections have ended", || self.connections() == 0);
        self.signal(Signal::TERM);
        assert_eq!(self.wait().code(), Some(0), "{}", self.errors());
        assert_eq!(self.errors(), "", "a client was still connected, or something failed");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// How many TCP connections it holds on its IPv4 address.
    #[cfg(target_os = "linux")]
    fn connections(&self) -> usize {
        self.sockets(|state| state != LISTENING)
    }

    /// How many sockets listen on its IPv4 address.
    #[cfg(target_os = "linux")]
    pub(crate) fn listeners(&self) -> usize {
        self.sockets(|state| state == LISTENING)
    }

    #[cfg(target_os = "linux")]
    fn sockets(&self, is_wanted: impl Fn(&str) -> bool) -> usize {
        const NOBODYS: &str = "0";
        let local_port = format!(":{:04X}", self.address.port());
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let held = |line: &&str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields[1].ends_with(&local_port) && is_wanted(fields[3]) && fields[9] != NOBODYS
        };
        sockets.lines().skip(1).filter(held).count()
    }

    /// The descriptors of connections that each of its event queues watches, of those that watch any.
    #[cfg(target_os = "linux")]
    pub(crate) fn watched_connections(&self) -> BTreeSet<BTreeSet<u32>> {
        let folder = format!("/proc/{}", self.child.id());
        let established = self.established();
        let is_connection = |descriptor: &u32| {
            let link = std::fs::read_link(format!("{folder}/fd/{descriptor}")).unwrap_or_default();
            established.contains(&link.to_string_lossy().into_owned())
        };
        let queues = std::fs::read_dir(format!("{folder}/fdinfo")).unwrap();
        let watched = queues.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok()).map(|text| {
            let words = text.lines().filter_map(|line| line.strip_prefix("tfd:")?.split_whitespace().next());
            words.map(|word| word.parse().unwrap()).filter(is_connection).collect::<BTreeSet<u32>>()
        });
        watched.filter(|set| !set.is_empty()).collect()
    }

    /// Its connections, named as the links to their descriptors are.
    #[cfg(target_os = "linux")]
    fn established(&self) -> BTreeSet<String> {
        let local_port = format!(":{:04X}", self.address.port());
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let fields = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let ours = fields.filter(|fields| fields[1].ends_with(&local_port) && fields[3] == ESTABLISHED);
        ours.map(|fields| format!("socket:[{}]", fields[9])).collect()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How many descriptors it has open.
    #[cfg(target_os = "linux")]
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Returns its memory in use, in KiB. The pages of its file do not count: a debug build has many, and touches more
    /// of them with each new path through the code.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How long it has kept processors busy.
    #[cfg(target_os = "linux")]
    pub(crate) fn processor_time(&self) -> std::time::Duration {
        let schedstat = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id())).unwrap();
        std::time::Duration::from_nanos(schedstat.split(' ').next().unwrap().parse().unwrap())
    }

    /// The names of its threads.
    #[cfg(target_os = "linux")]
    pub(crate) fn threads(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let name = |task: std::path::PathBuf| std::fs::read_to_string(task.join("comm")).unwrap().trim().to_owned();
        tasks.map(|task| name(task.unwrap().path())).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it to its end: exit code, standard output, standard error.
pub(crate) fn run(options: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = command(options, environment).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The shell moves the socket from standard input to where `sd_listen_fds(3)` says that it is.
fn given(socket: OwnedFd, name: &str, options: &[&str]) -> Command {
    let script = "export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=$0; exec \"$@\" 3<&0 0</dev/null";
    let mut command = Command::new("sh");
    command.args(["-c", script, name, env!("CARGO_BIN_EXE_silverback")]).args(options).stdin(Stdio::from(socket));
    command
}

fn command(options: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_silverback"));
    let inherited = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("SILVERBACK_"));
    inherited.for_each(|name| _ = command.env_remove(name));
    command.args(options).envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        let mut rest = Vec::new();
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            rest.extend_from_slice(&chunk[..count]);
            let whole = rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
            into.lock().unwrap().push_str(std::str::from_utf8(&rest[..whole]).unwrap());
            rest.drain(..whole);
        }
    })
}

fn address_in(lines: &str) -> Option<SocketAddr> {
    let authority = lines.split("://").nth(1)?.split('/').next()?;
    authority.replace("localhost", "127.0.0.1").parse().ok()
}

/// States of a socket in /proc/net/tcp.
#[cfg(target_os = "linux")]
const ESTABLISHED: &str = "01";
#[cfg(target_os = "linux")]
const LISTENING: &str = "0A";
