//! Error codes of HTTP/3 in the terms of quinn.

use std::{fmt, io};

use quinn::VarInt;
use silverback_proto::h3::ErrorCode;

/// The code as quinn sends it.
pub(crate) fn varint(code: ErrorCode) -> VarInt {
    // Every code of ours has 10 bits.
    VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX)
}

/// The peer has reset a stream with this code. It is inside of an `io::Error`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerReset(pub(crate) ErrorCode);

impl PeerReset {
    pub(super) fn into_error(code: VarInt) -> io::Error {
        io::Error::new(io::ErrorKind::ConnectionReset, Self(ErrorCode::new(code.into_inner())))
    }

    /// Returns the code if the error is a reset.
    pub(crate) fn within(error: &io::Error) -> Option<ErrorCode> {
        Some(error.get_ref()?.downcast_ref::<Self>()?.0)
    }
}

impl fmt::Display for PeerReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer ended the stream with {}", self.0)
    }
}

impl std::error::Error for PeerReset {}
