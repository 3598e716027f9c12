//! WebSockets for tokio: an [`Upgrader`] for servers, a [`Dialer`] for clients, and the [`Conn`] that both return.
//!
//! ```
//! # use tokio::net::TcpListener;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! tokio::spawn(async move {
//!     let (stream, _) = listener.accept().await?;
//!     let mut conn = silverback::Upgrader::new().accept(stream).await?;
//!     while let Some(message) = conn.read_message().await? {
//!         conn.write_message(message).await?;
//!     }
//!     Ok::<_, silverback::Error>(())
//! });
//!
//! let mut conn = silverback::Dialer::new().dial(&url).await?;
//! conn.write_message("hello").await?;
//! assert_eq!(conn.read_message().await?, Some("hello".into()));
//! conn.close(1000, "").await?;
//! # Ok(()) }
//! ```
//!
//! The read methods answer pings, record pongs and reply to Close frames. Every future is cancel safe unless its
//! documentation says otherwise.
//!
//! This page has the types that applications hold. The details of dialling are in [`dial`], those of reconnecting in
//! [`reconnect`], and the protocol without I/O is in [`proto`]: frames, handshakes, and the state machine.
//!
//! # Features
//! - `deflate` (default): compression of messages (permessage-deflate), which is still off until you ask for it.
//!   Without the feature, `Compression` is missing and compression libraries are not built.
//! - `hyper` (default): `Upgrader::upgrade` for requests of hyper 1.x.
//! - `http2`: WebSockets over HTTP/2 (RFC 8441): `Upgrader::upgrade`, `Upgrader::serve_http2` for servers without a
//!   framework, and [`Dialer::http_version`] for clients.
//! - `http3`: WebSockets over HTTP/3 (RFC 9220), on quinn: `Upgrader::serve_http3`, and `HttpVersion::Http3` for clients.
//!   Needs `ring` or `aws-lc-rs`. `Http3Endpoint` also needs `with-rustls-0_23`, for its certificate.
//! - `hyper-auto`: takes the socket out of hyper-util's automatic server, which `axum::serve` uses.
//! - `rustls-tls-platform-verifier`, `rustls-tls-native-roots`, `rustls-tls-webpki-roots`: `wss://` with rustls. The
//!   trusted roots are those of the system's own verifier, of the system's files or of Mozilla's list; several features
//!   combine their roots. `rustls-tls` has no roots and leaves them to the application.
//! - `ring` (default), `aws-lc-rs`: the crypto provider for rustls. Neither turns rustls on. If both are on,
//!   `aws-lc-rs` is used. The provider that the process has installed is never used.
//! - `native-tls`: `wss://` with the TLS library of the system.
//! - `with-rustls-0_23`, `with-native-tls-0_2`: `tls::Tls` from a `ClientConfig` or `TlsConnector` of these versions.
//! - `with-quinn-0_11`: `Upgrader::serve_http3` for endpoints of quinn that the application has made itself.
//! - `socks`: SOCKS5 proxies.
//! - `idna`: host names outside ASCII (`ws://bücher.example/`), converted as browsers do.
//! - `blocking`: connections for programs without a runtime (the module `blocking`).
//! - `json`: JSON messages, with serde.

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod adapters;
#[cfg(feature = "blocking")]
pub mod blocking;
mod conn;
pub mod dial;
mod error;
mod io;
pub mod reconnect;
mod upgrade;

#[doc(no_inline)]
pub use silverback_proto as proto;
#[cfg(feature = "deflate")]
pub use silverback_proto::deflate::Compression;
// The types that applications name. Those of the protocol without I/O that only drivers and servers with their own HTTP
// need are in `proto` alone.
pub use silverback_proto::{
    CloseCode, CloseFrame, CloseInfo, Config, Event, Incoming, Initiator, LimitError, MemoryBudget, Message,
    MessageKind, MessageRef, Negotiated, PreparedMessage, ProtocolError, Role, SendError, Stats, Subprotocol, Text,
    Timeout,
    handshake::{HostPolicy, Origin, OriginPolicy},
};

#[cfg(feature = "json")]
pub use self::adapters::json;
#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
#[doc(inline)]
pub use self::dial::tls;
#[cfg(feature = "metrics")]
pub use self::io::meter::metrics;
#[cfg(feature = "http2")]
pub use self::upgrade::Http2Server;
#[cfg(any(feature = "http2", feature = "http3"))]
pub use self::upgrade::StreamRequest;
#[cfg(feature = "hyper")]
pub use self::upgrade::Upgrade;
#[cfg(feature = "http3")]
pub use self::upgrade::{Http3Endpoint, Http3Incoming, Http3Server};
pub use self::{
    adapters::{join::JoinedMessages, tunnel::Tunnel},
    conn::{
        Conn, ReuniteError,
        connections::{Connections, Tracked},
        message_writer::MessageWriter,
        reader::{MessageReader, Reader},
        writer::{HeldOutput, TryWriteError, Writer},
    },
    error::Error,
    io::{observer::Control, read_buffer::release_spare_memory, settings::Settings, transport::ByteStream},
    upgrade::{
        UpgradeError, Upgrader,
        requests::{is_websocket_upgrade, subprotocols},
    },
};
#[doc(inline)]
pub use self::{
    dial::{DialError, Dialer, Session},
    reconnect::Reconnect,
};

/// Compiles the examples in the guide to compression. `silverback-axum` compiles those in the README, because some of
/// them need it.
#[cfg(all(doctest, feature = "deflate"))]
#[doc = include_str!("../../docs/compression.md")]
struct CompressionGuide;

/// Compiles the examples in the guide to HTTP/2.
#[cfg(all(doctest, feature = "http2", feature = "hyper-auto"))]
#[doc = include_str!("../../docs/http2.md")]
struct Http2Guide;

/// Compiles the examples in the guide to HTTP/3.
#[cfg(all(doctest, feature = "http3"))]
#[doc = include_str!("../../docs/http3.md")]
struct Http3Guide;

/// Compiles the examples in the guides for people who come from other libraries.
#[cfg(all(doctest, feature = "deflate", feature = "hyper", feature = "json"))]
#[doc = include_str!("../../docs/from-gorilla.md")]
struct FromGorilla;

#[cfg(all(doctest, feature = "blocking", feature = "deflate", feature = "hyper"))]
#[doc = include_str!("../../docs/from-tungstenite.md")]
struct FromTungstenite;
