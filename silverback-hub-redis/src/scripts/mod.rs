//! The scripts that the server runs. Each changes everything or nothing, in one call.

use std::sync::LazyLock;

use crate::resp::command;

/// A script and the name under which the server keeps it.
#[derive(Debug)]
pub(crate) struct Script {
    source: String,
    digest: String,
}

impl Script {
    fn new(source: String) -> Self {
        let digest = sha1_smol::Sha1::from(&source).digest().to_string();
        Self { source, digest }
    }

    /// The command that runs the script if the server has it.
    pub(crate) fn by_digest(&self, keys: &[&str], arguments: &[&[u8]]) -> Vec<u8> {
        Self::run("EVALSHA", &self.digest, keys, arguments)
    }

    /// The command that runs the script, and makes the server keep it.
    pub(crate) fn by_source(&self, keys: &[&str], arguments: &[&[u8]]) -> Vec<u8> {
        Self::run("EVAL", &self.source, keys, arguments)
    }

    fn run(name: &str, script: &str, keys: &[&str], arguments: &[&[u8]]) -> Vec<u8> {
        let count = keys.len().to_string();
        let keys = keys.iter().map(|key| key.as_bytes());
        let all: Vec<_> = [name.as_bytes(), script.as_bytes(), count.as_bytes()]
            .into_iter()
            .chain(keys)
            .chain(arguments.iter().copied())
            .collect();
        command(all)
    }
}

fn about_a_topic(script: &str) -> Script {
    Script::new([include_str!("topic.lua"), script].concat())
}

pub(crate) static PUBLISH: LazyLock<Script> = LazyLock::new(|| about_a_topic(include_str!("publish.lua")));
pub(crate) static PUBLISH_LIVE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("publish_live.lua").to_owned()));
pub(crate) static POSITION: LazyLock<Script> = LazyLock::new(|| about_a_topic(include_str!("position.lua")));
pub(crate) static SINCE: LazyLock<Script> = LazyLock::new(|| about_a_topic(include_str!("since.lua")));
pub(crate) static LEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lease.lua").to_owned()));
pub(crate) static PRESENT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("present.lua").to_owned()));
pub(crate) static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua").to_owned()));
