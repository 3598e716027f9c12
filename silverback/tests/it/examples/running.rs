//! An example that runs as a program.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

use silverback::{Conn, Dialer, Message};

use crate::support::within;

/// A program that is stopped at the end of its test.
pub(super) struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    /// The address that it printed.
    pub(super) address: String,
}

impl Running {
    /// Starts an example that prints its address.
    pub(super) fn start(name: &str, arguments: &[impl AsRef<OsStr>]) -> Self {
        let mut running = Self::start_client(name, arguments);
        running.address = running.line().strip_prefix("listening ").unwrap().to_owned();
        running
    }

    /// Starts an example that does not listen.
    pub(super) fn start_client(name: &str, arguments: &[impl AsRef<OsStr>]) -> Self {
        let mut child = Command::new(program(name)).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, address: String::new() }
    }

    /// The next line that it prints.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// A connection to where its page connects to.
    pub(super) async fn dial(&self) -> Conn {
        within(Dialer::new().dial(&format!("{}/ws", self.address))).await.unwrap()
    }

    /// The page, with its head.
    pub(super) fn page(&self) -> String {
        let host = self.address.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    /// Whether only its own page may connect, which two pages of other sites may not.
    pub(super) async fn assert_refuses_other_sites(&self) {
        for origin in ["http://evil.example", "null"] {
            let refused = within(Dialer::new().origin(origin).dial(&format!("{}/ws", self.address))).await;
            assert_eq!(refused.unwrap_err().refusal().unwrap().status, 403, "{origin}");
        }
        within(Dialer::new().origin(&self.address).dial(&format!("{}/ws", self.address))).await.unwrap();
    }

    /// Ctrl-C.
    #[cfg(unix)]
    pub(super) fn interrupt(&self) {
        use rustix::process::{Pid, Signal, kill_process};
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Waits for its end.
    pub(super) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// The most memory that it has had, in bytes, where the system tells.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().unwrap() * 1024)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The page comes whole from the program: strict about its sources, and without any from outside.
#[track_caller]
pub(super) fn assert_is_self_contained(page: &str) {
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none';"), "{page}");
    assert!(page.contains("<!doctype html>") && page.trim_end().ends_with("</html>"), "{page}");
    for word in ["http:", "https:", " src=", "@import", "innerHTML"] {
        assert!(!page.contains(word), "{word} in {page}");
    }
}

pub(super) async fn text(conn: &mut Conn) -> String {
    let message = within(conn.read_message()).await.unwrap();
    message.as_ref().and_then(Message::as_text).unwrap_or_else(|| panic!("no text: {message:?}")).to_owned()
}

/// Code and reason of the Close frame that comes next.
pub(super) async fn closed(conn: &mut Conn) -> (u16, String) {
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    let info = conn.close_info().unwrap();
    (info.code.get(), info.reason.into_owned())
}

/// Where the programs of this build are.
pub(super) fn build_folder() -> PathBuf {
    let this = env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().to_owned()
}

/// An example as a program. `cargo test` has built it, unless it was told to build this test alone.
fn program(name: &str) -> PathBuf {
    let folder = build_folder();
    let program = folder.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION);
    if program.exists() {
        return program;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "silverback", "--example", name]);
    cargo.arg("--target-dir").arg(folder.parent().unwrap());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    program
}
