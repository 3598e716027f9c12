//! The opening handshake (RFC 6455, 4): both sides, as values that are consumed.
//!
//! A server reads a request head into a [`ServerHandshake`] and consumes it with [`accept`](ServerHandshake::accept).
//! If the request is invalid, it gets a [`Rejection`], which has an HTTP status and a response. A client builds a
//! [`ClientHandshake`], sends its request, and consumes the handshake with [`verify`](ClientHandshake::verify). Both
//! sides end with [`Negotiated`].
//!
//! This module reads no socket, no clock and no random source. [`http1`] parses and encodes heads for callers without
//! an HTTP stack. The application decides which origins, hosts and paths it accepts. [`OriginPolicy`] and
//! [`HostPolicy`] help with that.
//!
//! `compression` negotiates permessage-deflate. `syntax` reads tokens and lists, `headers` knows the fields of RFC
//! 6455, and `extension` and `subprotocol` are two of them. This room may use `deflate` and `wire`.

mod authority;
mod client;
#[cfg(feature = "deflate")]
mod compression;
mod deflate_answer;
mod error;
pub mod extension;
mod extension_header;
pub mod headers;
mod host;
mod host_name;
mod host_policy;
pub mod http1;
mod key;
pub(crate) mod negotiated;
#[cfg(not(feature = "deflate"))]
mod no_compression;
mod origin;
mod received;
mod rejection;
mod request;
mod server;
mod subprotocol;
pub(crate) mod syntax;
mod target;
#[cfg(test)]
mod tests;
mod zone;

pub use authority::Authority;
pub use client::ClientHandshake;
pub use deflate_answer::DeflateAnswerError;
pub use error::HandshakeError;
pub use extension::{ExtensionListError, ExtensionOffer};
pub use host::requested_host;
pub use host_name::ascii_host;
pub use host_policy::{HostPattern, HostPolicy, HostRefused, ParseHostError};
pub use http1::HeadError;
pub use key::{AcceptKey, InvalidNonce, Nonce, accept_key};
pub use negotiated::Negotiated;
pub use origin::{Origin, OriginPolicy, OriginRefused, OriginRefusedReason, ParseOriginError};
pub use received::Received;
pub use rejection::Rejection;
pub use request::ClientRequest;
pub use server::{Acceptance, ServerHandshake};
pub use subprotocol::{InvalidSubprotocol, Subprotocol, SubprotocolListError};
