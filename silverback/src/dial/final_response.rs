//! Reads from a stream up to the final response of a server or proxy (RFC 9110, 15.2).

use http::{Response, StatusCode};
use silverback_proto::handshake::{HeadError, http1::parse_response};

use crate::io::{
    head::{ReadHeadError, read_next_head},
    transport::ByteStream,
};

/// Why no final response was read.
#[derive(Debug)]
pub(super) enum NoResponse {
    Head(ReadHeadError),
    /// More than [`MAX_INTERIM_RESPONSES`] interim responses came, and no final one.
    TooManyInterim,
}

/// Returns the final response, and the bytes that arrived after its head. Interim responses are skipped. Each of them
/// ends with its head, even if its headers announce a body (RFC 9112, 6.3). 101 is final, because it ends HTTP.
pub(super) async fn read_final_response(
    stream: &mut impl ByteStream,
    head_limit: usize,
) -> Result<(Response<()>, Vec<u8>), NoResponse> {
    let mut rest = Vec::new();
    for _ in 0..=MAX_INTERIM_RESPONSES {
        let head;
        (head, rest) = read_next_head(stream, rest, head_limit).await.map_err(NoResponse::Head)?;
        let response = parse_response(&head)?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS || !response.status().is_informational() {
            return Ok((response, rest));
        }
    }
    Err(NoResponse::TooManyInterim)
}

impl From<HeadError> for NoResponse {
    fn from(error: HeadError) -> Self {
        Self::Head(ReadHeadError::Head(error))
    }
}

/// Servers send one or two: 100, 103, or 102 every few seconds. Without a limit a server could keep us reading and
/// parsing for the whole handshake timeout.
pub(super) const MAX_INTERIM_RESPONSES: usize = 20;
