//! Redis as the engine of [`silverback_hub`]: topics, history and presence over several nodes.
//!
//! ```
//! use silverback_hub::Hub;
//! use silverback_hub_redis::Redis;
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let redis = Redis::connect("redis://127.0.0.1:6379").await?;
//! let hub = Hub::builder().engine(redis).start().await?;
//! # Ok(()) }
//! ```
//!
//! The promise: order per topic; at most once live; with history *complete, or told so*; never exactly once.
//!
//! The server must be Redis 7 or later, or a compatible one such as Valkey. The guide `docs/hub-engines.md` in the
//! repository says how to configure it, and what happens in each fault.
//!
//! # Features
//! - `tls` (default): URLs that begin with `rediss`, by rustls.

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod engine;
mod error;
mod keys;
mod link;
mod listener;
mod message;
mod scripts;
mod session;
mod settings;
mod shared;
mod target;
mod tls;
mod watched;

pub use self::{builder::RedisBuilder, engine::Redis, error::RedisError};
