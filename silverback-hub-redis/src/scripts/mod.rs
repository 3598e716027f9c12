//! The scripts that the server runs. Each changes everything or nothing, in one call.

use std::sync::LazyLock;

use redis::Script;

fn about_a_topic(script: &str) -> Script {
    Script::new(&[include_str!("topic.lua"), script].concat())
}

pub(crate) static PUBLISH: LazyLock<Script> = LazyLock::new(|| about_a_topic(include_str!("publish.lua")));
pub(crate) static PUBLISH_LIVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("publish_live.lua")));
pub(crate) static POSITION: LazyLock<Script> = LazyLock::new(|| about_a_topic(include_str!("position.lua")));
pub(crate) static SINCE: LazyLock<Script> = LazyLock::new(|| about_a_topic(include_str!("since.lua")));
pub(crate) static LEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lease.lua")));
pub(crate) static PRESENT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("present.lua")));
pub(crate) static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));
