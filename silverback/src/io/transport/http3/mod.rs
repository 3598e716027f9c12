//! One stream of an HTTP/3 connection (RFC 9114) as the transport of a WebSocket (RFC 9220). Reader and writer have the
//! halves of quinn, without a lock between them. The rules of HTTP/3 are in `silverback_proto::h3`.
//!
//! ```text
//! link      the connection: why it failed, and its end with the last stream
//! control   our control stream, and those of the peer
//! quic      the settings of QUIC
//! reader    a request stream: HEADERS, then DATA
//! writer    a request stream: one DATA frame for each write, then the end or a reset
//! ```

pub(crate) mod codes;
pub(crate) mod control;
pub(crate) mod link;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
pub(crate) mod quic;
pub(crate) mod reader;
mod shared;
pub(crate) mod writer;

use std::sync::Arc;

use quinn::{RecvStream, SendStream};
use silverback_proto::{Role, h3::Limits};

use self::{link::Link, reader::Http3Reader, shared::Shared, writer::Http3Writer};

/// Creates the halves of a request stream. `sender` is the role of the peer.
pub(crate) fn halves(
    (send, recv): (SendStream, RecvStream),
    sender: Role,
    limits: Limits,
    link: Arc<Link>,
) -> (Http3Writer, Http3Reader) {
    let shared = Arc::new(Shared::new(link));
    (Http3Writer::new(send, shared.clone()), Http3Reader::new(recv, sender, limits, shared))
}
