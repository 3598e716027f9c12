//! The outcome of the opening handshake.

use super::{extension::ExtensionOffer, subprotocol::Subprotocol};
use crate::deflate::DeflateParams;

/// The parameters that both sides negotiated in the opening handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// The subprotocol in use, one that the client offered.
    pub subprotocol: Option<Subprotocol>,
    /// The extensions in use, in the order in which they process the data (RFC 6455, 9.1).
    pub extensions: Vec<ExtensionOffer>,
    /// The parameters of `permessage-deflate` (RFC 7692, 7.1); `None` without compression.
    pub compression: Option<DeflateParams>,
}
