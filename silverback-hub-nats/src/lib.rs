//! Several nodes of silverback's hub on [NATS](https://nats.io): publications, history and presence for hubs on many
//! machines.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use silverback_hub::{Hub, Topic};
//! use silverback_hub_nats::Nats;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Hub::builder()
//!     .engine(Nats::connect("nats://127.0.0.1:4222").await?)
//!     .topics("chat:*", Topic::new().history(100, Duration::from_secs(300)).presence())
//!     .start()
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! The promise: order per topic; at most once live; with history *complete, or told so*; never exactly once.
//!
//! `docs/hub-engines.md` in the repository says what the server needs, what the engine makes on it, and what happens
//! in each fault.
//!
//! # Features
//! - `nkeys`: login with an nkey or a credentials file.

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod clock;
mod history;
mod link;
mod names;
mod nats;
mod presence;
mod pump;
mod settings;
mod store;
mod streams;
mod url;

pub use self::{builder::NatsBuilder, nats::Nats, settings::Storage, url::NatsError};

/// Compiles the examples in the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/hub-engines.md")]
struct EnginesGuide;
