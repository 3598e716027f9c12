//! The program that acts as the clients, and its reports.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, OrFailed as _};
use crate::process::Task;
use crate::workspace::Workspace;

pub(super) struct Clients {
    program: PathBuf,
    log: PathBuf,
}

impl Clients {
    /// Beside the servers that are measured: it needs libraries that the rest of the project does not.
    pub(super) fn build(workspace: &Workspace) -> Result<Self, Error> {
        let target = workspace.target.join("bench");
        workspace
            .cargo(&[
                "build",
                "--release",
                "--manifest-path",
                "bench/Cargo.toml",
                "--bin",
                "soak",
                "--features",
                "soak",
            ])
            .env("CARGO_TARGET_DIR", &target)
            .run()?;
        Ok(Self { program: target.join("release/soak"), log: workspace.log("soak") })
    }

    /// Lets them come and go for some time, and waits until the last has gone. How many errors they found.
    ///
    /// `each_second` is told what they have done; everything else that they say passes through.
    pub(super) fn run(
        &self,
        server: SocketAddr,
        time: Duration,
        seed: u64,
        mut each_second: impl FnMut(&str) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut running = Task::new(&self.program)
            .args([server.to_string(), time.as_secs().to_string(), seed.to_string()])
            .start(&self.log)?;
        loop {
            let line = running.wait_for_line("", SILENCE)?;
            if let Some(so_far) = line.strip_prefix("so far: ") {
                each_second(so_far)?;
            } else if let Some(errors) = line.strip_prefix("errors: ") {
                running.finish(SILENCE)?;
                return errors.parse().or_failed("a number of errors");
            } else {
                println!("{line}");
            }
        }
    }
}

/// They say something every second.
const SILENCE: Duration = Duration::from_secs(30);
