//! The client protocol of Centrifugo on a [`Hub`](silverback_hub::Hub): its clients for JavaScript, Python, Go, Dart,
//! Swift, Java and C# work unmodified, in JSON and in Protobuf.
//!
//! [`Server`] has an example. The guide is `docs/centrifugo.md` in the repository.
//!
//! # Features
//! - `deflate` (default): compression of messages for connections that have negotiated it.

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
mod encoding;
mod fault;
mod history;
mod notice;
mod protocol;
mod rate;
mod server;
mod session;
mod token;

pub use self::{
    protocol::{
        codes::{Disconnect, ErrorCode},
        frame::Format,
    },
    server::{
        Admission, Channel, Connecting, Joins, Login, NotAdmitted, Refusal, RpcCall, SentData, Server, ServerBuilder,
    },
    token::{KeyError, Keys},
};

/// Compiles the examples in the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/centrifugo.md")]
struct Guide;
