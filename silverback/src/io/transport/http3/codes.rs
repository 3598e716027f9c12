//! Error codes of HTTP/3 in the terms of quinn.

use std::io;

use quinn::VarInt;
use silverback_proto::h3::ErrorCode;

/// The code as quinn sends it.
pub(crate) fn varint(code: ErrorCode) -> VarInt {
    // Every code of ours has 10 bits.
    VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX)
}

/// A stream that the peer ended with this code.
pub(super) fn ended_with(code: VarInt) -> io::Error {
    let code = ErrorCode::new(code.into_inner());
    io::Error::new(io::ErrorKind::ConnectionReset, format!("the peer ended the stream with {code}"))
}
