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

mod authority;
mod client;
mod error;
pub mod extension;
pub mod headers;
mod host;
mod host_name;
pub mod http1;
mod key;
mod origin;
mod rejection;
mod request;
mod server;
mod subprotocol;
mod target;
#[cfg(test)]
mod tests;
mod zone;

use crate::deflate::DeflateParams;
pub use client::ClientHandshake;
pub use error::{HandshakeError, Received};
pub use extension::{ExtensionListError, ExtensionOffer};
pub use host::{HostPattern, HostPolicy, HostRefused, ParseHostError, requested_host};
pub use host_name::ascii_host;
pub use http1::HeadError;
pub use key::{AcceptKey, InvalidNonce, Nonce, accept_key};
pub use origin::{Origin, OriginPolicy, OriginRefused, OriginRefusedReason, ParseOriginError};
pub use rejection::Rejection;
pub use request::ClientRequest;
pub use server::{Acceptance, ServerHandshake};
pub use subprotocol::{InvalidSubprotocol, Subprotocol, SubprotocolListError};

/// What both sides agreed on in the opening handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// The subprotocol in use, one that the client offered.
    pub subprotocol: Option<Subprotocol>,
    /// The extensions in use, in the order in which they work on the data (RFC 6455, 9.1).
    pub extensions: Vec<ExtensionOffer>,
    /// What `permessage-deflate` among them comes to (RFC 7692, 7.1); `None` without compression.
    pub compression: Option<DeflateParams>,
}
