//! One stream of an HTTP/3 connection (RFC 9114) as the transport of a WebSocket (RFC 9220). Reader and writer have the
//! halves of quinn, without a lock between them. The rules of HTTP/3 are in `silverback_proto::h3`.
//!
//! ```text
//! link      the connection: why it failed, and its end with the last stream
//! control   our control stream, and those of the peer
//! reader    a request stream: HEADERS, then DATA
//! writer    a request stream: one DATA frame for each write, then the end or a reset
//! ```

pub(crate) mod control;
pub(crate) mod link;
pub(crate) mod reader;
pub(crate) mod writer;

use std::{io, sync::Arc, sync::atomic::AtomicBool};

use quinn::{RecvStream, SendStream, VarInt};
use silverback_proto::{
    Role,
    h3::{ErrorCode, Limits},
};

use self::{link::Link, reader::Http3Reader, writer::Http3Writer};

/// Creates the halves of a request stream. `sender` is the role of the peer.
pub(crate) fn halves(
    (send, recv): (SendStream, RecvStream),
    sender: Role,
    limits: Limits,
    link: Arc<Link>,
) -> (Http3Writer, Http3Reader) {
    let stream = Arc::new(Stream { link, is_finished: AtomicBool::new(false) });
    (Http3Writer::new(send, stream.clone()), Http3Reader::new(recv, sender, limits, stream))
}

/// What the halves of one stream share.
#[derive(Debug)]
struct Stream {
    link: Arc<Link>,
    /// Whether our side has ended cleanly.
    is_finished: AtomicBool,
}

/// The code as quinn sends it.
pub(crate) fn varint(code: ErrorCode) -> VarInt {
    // Every code of ours has 10 bits.
    VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX)
}

/// A stream that the peer ended with this code.
fn ended_with(code: VarInt) -> io::Error {
    let code = ErrorCode::new(code.into_inner());
    io::Error::new(io::ErrorKind::ConnectionReset, format!("the peer ended the stream with {code}"))
}
