//! redis-server.

use std::{
    io::{self, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Kind, first_line, installed};

/// A redis-server that logs its data (AOF).
#[derive(Clone, Debug)]
pub struct Redis {
    program: PathBuf,
    is_logged: bool,
    options: Vec<String>,
}

impl Redis {
    /// The server of the machine: the variable `SILVERBACK_REDIS_SERVER`, or `redis-server` in the search path. `None`
    /// if there is none and the tests are not run by CI.
    pub fn installed() -> Option<Self> {
        installed("SILVERBACK_REDIS_SERVER", "redis-server", "Debian: redis-server").map(Self::at)
    }

    /// The server of this program.
    pub fn at(program: PathBuf) -> Self {
        Self { program, is_logged: true, options: Vec::new() }
    }

    /// Keeps nothing on disk.
    #[must_use]
    pub fn without_persistence(mut self) -> Self {
        self.is_logged = false;
        self
    }

    /// Adds an option of the server, such as `requirepass` and its value.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.extend([format!("--{name}"), value.to_owned()]);
        self
    }
}

impl Kind for Redis {
    fn scheme(&self) -> &'static str {
        "redis"
    }

    fn command(&self, port: u16, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--dir"]).arg(folder);
        command.args(["--appendonly", if self.is_logged { "yes" } else { "no" }]);
        command.args(&self.options);
        command
    }

    /// The server refuses while it reads its data. A server that wants a password first has read it.
    fn is_ready(&self, stream: &mut TcpStream) -> io::Result<bool> {
        stream.write_all(b"PING\r\n")?;
        let line = first_line(stream)?;
        Ok(line.starts_with("+PONG") || line.starts_with("-NOAUTH"))
    }
}
