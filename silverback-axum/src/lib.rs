//! WebSockets for axum, on silverback. The names are those of `axum::extract::ws`, so that a handler written for it
//! changes one import:
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
//! What differs from axum's own:
//! - Only pages of the same origin may connect; see [`WebSocketUpgrade::allow_origin`].
//! - The limits on messages, queued output and time are on, and every refused request is told why.
//! - There is no `accept_unmasked_frames`: a frame without a mask can make a proxy in between take it for a request
//!   (RFC 6455, 10.3), and a server must refuse it (5.1).
//! - Answers to messages that arrived together leave together.
//!
//! [`WebSocket::into_inner`] gives the [`silverback::Conn`] itself, with all that it can do. Settings that many routes
//! share are put into the router once, as an [`Upgrader`](silverback::Upgrader):
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

/// Compiles the programs in the README. They stand here because this crate has all that they need.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
