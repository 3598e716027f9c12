//! The engines, and how their brokers are started.

use std::{env, process::Command};

use silverback_testkit::broker::{Broker, nats::Nats};

/// What the nodes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// The memory of one node.
    Memory,
    /// The nats-server of the machine.
    Nats,
    /// A newer nats-server, which has a lifetime for each key.
    NatsNew,
}

impl Engine {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Nats => "nats",
            Self::NatsNew => "nats-new",
        }
    }

    /// Starts a broker without data. `None` for an engine that needs none.
    pub(crate) fn start(self) -> Result<Option<Broker>, String> {
        match self {
            Self::Memory => Ok(None),
            Self::Nats => Ok(Some(Broker::start(Nats::installed().ok_or("there is no nats-server")?))),
            Self::NatsNew => {
                let nats = Nats::new_enough_for_lifetimes().ok_or("there is no nats-server of 2.11 or later")?;
                Ok(Some(Broker::start(nats)))
            }
        }
    }

    /// Returns what the broker says about its version.
    pub(crate) fn version(self) -> String {
        let (variable, name) = match self {
            Self::Memory => return "memory".to_owned(),
            Self::Nats => ("SILVERBACK_NATS_SERVER", "nats-server"),
            Self::NatsNew => ("SILVERBACK_NATS_SERVER_NEW", "nats-server"),
        };
        let program = env::var_os(variable).unwrap_or_else(|| name.into());
        let output = Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().replace(": v", " ")
    }
}
