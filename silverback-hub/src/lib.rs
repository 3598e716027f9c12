//! Topics over many WebSockets: subscriptions, fan-out, history, presence, and what happens to members that read
//! slowly.
//!
//! ```
//! use silverback_hub::{Hub, Identity, Slow, Start, Topic};
//! # use std::time::Duration;
//!
//! # async fn example(conn: silverback::Conn) -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Hub::builder()
//!     .topics("chat:*", Topic::new().history(100, Duration::from_secs(300)).presence())
//!     .topics("price:*", Topic::new().when_slow(Slow::Conflate))
//!     .start()
//!     .await?;
//!
//! let (member, mut reader) = hub.join(conn, Identity::user("42"));
//! member.subscribe("chat:7", Start::Live).await?;
//! while let Some(message) = reader.read_message().await? {
//!     hub.publish("chat:7", message).except(&member).await?;
//! }
//! # Ok(()) } // Dropping the member leaves.
//! ```
//!
//! Without another engine a hub keeps everything in the memory of its process. An [`Engine`] joins the hubs of several
//! processes, and changes one line: `.engine(..)`.
//!
//! The promise: order per topic; at most once live; with history *complete, or told so*; never exactly once.
//!
//! The guide is `docs/hub.md` in the repository.
//!
//! # Features
//! - `deflate` (default): compression of messages for connections that have negotiated it.

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod encoding;
mod engine;
mod hub;
mod memory;
mod model;
mod node;
mod random;
mod topics;

pub use self::{
    encoding::{Encoding, Plain},
    engine::{
        Accepted, Engine, EngineFuture, Lease,
        event::EngineEvent,
        events::{EventQueue, Events, Slot},
    },
    hub::{
        Hub,
        access::{Access, Action, Authorize},
        builder::HubBuilder,
        events::HubEvents,
        member::Member,
        publish::{Publish, Published},
        subscribe::{Subscribe, SubscribeAll},
    },
    memory::{Memory, MemoryLimits},
    model::{
        error::{Denied, EngineError, HubError},
        event::{Counters, HubEvent, LagAction},
        identity::{Identity, MemberId, Present},
        limits::{LimitError, Limits},
        name::{Label, NameError, TopicName},
        position::{Epoch, Position},
        publication::Publication,
        status::{EngineFailure, FanOut, LocalTopic, LocalTopics, Status},
        subscribed::{Recovery, Start, Subscribed},
        survey::{NodeReport, Nodes, Topics},
        target::Target,
        topic::{HistoryLimits, Slow, Topic},
        wire::DecodeError,
    },
    topics::recovery::Replay,
};

/// Compiles the examples in the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/hub.md")]
struct HubGuide;
