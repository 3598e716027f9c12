//! The engines, and how their brokers are started.

use std::{env, process::Command};

use silverback_testkit::broker::{Broker, nats::Nats, redis::Redis};

/// What the nodes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// The memory of one node.
    Memory,
    /// The nats-server of the machine.
    Nats,
    /// A newer nats-server, which has a lifetime for each key.
    NatsNew,
    /// The redis-server of the machine, which logs its data.
    Redis,
}

impl Engine {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Nats => "nats",
            Self::NatsNew => "nats-new",
            Self::Redis => "redis",
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
            Self::Redis => Ok(Some(Broker::start(Redis::installed().ok_or("there is no redis-server")?))),
        }
    }

    /// Returns what the broker says about its version.
    pub(crate) fn version(self) -> String {
        let (variable, name) = match self {
            Self::Memory => return "memory".to_owned(),
            Self::Nats => ("SILVERBACK_NATS_SERVER", "nats-server"),
            Self::NatsNew => ("SILVERBACK_NATS_SERVER_NEW", "nats-server"),
            Self::Redis => ("SILVERBACK_REDIS_SERVER", "redis-server"),
        };
        let program = env::var_os(variable).unwrap_or_else(|| name.into());
        let output = Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
        version(&String::from_utf8_lossy(&output))
    }
}

/// Returns the name and the number from `nats-server: v2.9.10` or `Redis server v=7.0.15 sha=...`.
fn version(output: &str) -> String {
    let number = output.split_whitespace().find_map(|word| word.strip_prefix("v=").or(word.strip_prefix('v')));
    let name = if output.starts_with("nats") { "nats-server" } else { "Redis" };
    format!("{name} {}", number.unwrap_or("of an unknown version"))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_found_in_what_brokers_say() {
        assert_eq!(version("nats-server: v2.9.10\n"), "nats-server 2.9.10");
        assert_eq!(version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"), "Redis 7.0.15");
    }
}
