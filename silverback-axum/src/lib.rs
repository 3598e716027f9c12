//! WebSockets for axum, based on silverback. The names are those of `axum::extract::ws`, so an existing handler changes
//! only one import:
//!
//! ```
//! use axum::{Router, response::Response, routing::any};
//! use silverback_axum::{WebSocket, WebSocketUpgrade};
//!
//! let app: Router = Router::new().route("/ws", any(handler));
//!
//! async fn handler(ws: WebSocketUpgrade) -> Response {
//!     ws.on_upgrade(echo)
//! }
//!
//! async fn echo(mut socket: WebSocket) {
//!     while let Some(Ok(message)) = socket.recv().await {
//!         if socket.send(message).await.is_err() {
//!             return;
//!         }
//!     }
//! }
//! ```
//!
//! Differences from axum's own extractor:
//! - Only pages of the same origin may connect; see [`WebSocketUpgrade::allow_origin`].
//! - Limits on messages and queued output and timeouts are on, and every refused request gets a reason.
//! - `accept_unmasked_frames` does not exist. A server must refuse unmasked frames (RFC 6455, 5.1), because a
//!   proxy could take one for a request (10.3).
//! - [`WebSocketUpgradeRejection`](rejection::WebSocketUpgradeRejection) has axum's variants and `Other`, because more
//!   faults are found.
//! - The replies to a burst of messages leave in one write.
//!
//! With the feature `http2` (default), the extractor also takes WebSockets over HTTP/2. With the feature `ws`, the messages, texts and Close frames of both convert into each other.
//!
//! [`WebSocket::into_inner`] returns the [`silverback::Conn`] itself, with all of its methods. To share settings
//! between routes, add an [`Upgrader`](silverback::Upgrader) to the router:
//!
//! ```
//! use axum::{Extension, Router, routing::any};
//! use silverback::Upgrader;
//! # use axum::response::Response;
//! # use silverback_axum::WebSocketUpgrade;
//! # async fn handler(ws: WebSocketUpgrade) -> Response { ws.on_upgrade(|_| async {}) }
//!
//! let upgrader = Upgrader::new().allow_origin("https://example.com")?;
//! let app: Router = Router::new().route("/ws", any(handler)).layer(Extension(upgrader));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "ws")]
mod axum_ws;
pub mod close_code;
mod message;
pub mod rejection;
mod socket;
mod text;
mod upgrade;

pub use message::{CloseCode, CloseFrame, Message};
pub use socket::WebSocket;
pub use text::Utf8Bytes;
pub use upgrade::{DefaultOnFailedUpgrade, OnFailedUpgrade, WebSocketUpgrade};

/// Compiles the programs in the README. They are compiled here because this crate has all dependencies that they need.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
