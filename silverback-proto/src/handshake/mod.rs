//! The opening handshake (RFC 6455, 4): both sides, as values that are consumed.
//!
//! A server reads a request head into a [`ServerHandshake`] and consumes it with
//! [`accept`](ServerHandshake::accept); what is wrong with a request is a [`Rejection`], which
//! knows its HTTP status and response. A client builds a [`ClientHandshake`], sends its request
//! and consumes it with [`verify`](ClientHandshake::verify). Both end with [`Negotiated`].
//!
//! Nothing here reads a socket, a clock or a random source. [`http1`] turns bytes into heads and
//! back for those who have no HTTP stack at hand; which origin or path is welcome is for the
//! application to say, with [`OriginPolicy`] and [`HostPolicy`] to help.
//!
//! `compression` negotiates permessage-deflate. `syntax` reads tokens and lists, `headers` knows the fields of RFC
//! 6455, and `extension` and `subprotocol` are two of them. This room may use `deflate` and `wire`.

mod authority;
mod client;
mod compression;
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
mod origin;
mod received;
mod rejection;
mod request;
mod server;
mod subprotocol;
mod syntax;
mod target;
#[cfg(test)]
mod tests;
mod zone;

pub use client::ClientHandshake;
pub use compression::DeflateAnswerError;
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
