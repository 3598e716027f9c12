//! Request out, answer in, on a stream that leads to the server.

use std::io;

use http::{HeaderMap, Response, StatusCode, header::CONTENT_LENGTH};
use silverback_proto::{
    Role,
    handshake::{
        ClientHandshake, ClientRequest, Nonce,
        http1::{encode_request, parse_response},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout_at},
};

use super::{DialError, DialStep, Refusal};
use crate::{
    Conn, Settings,
    head::{ReadHeadError, read_next_head},
    transport::ByteStream,
};

pub(super) async fn exchange(
    mut stream: impl ByteStream,
    request: ClientRequest,
    target: &str,
    settings: &Settings,
    deadline: Instant,
) -> Result<Conn, DialError> {
    let failed = |source| DialError::Io { step: DialStep::Handshake, target: target.to_owned(), source };
    let handshake = ClientHandshake::new(request, random_nonce().map_err(failed)?).map_err(DialError::Request)?;
    stream.write_all(&encode_request(handshake.request())).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let (response, early) = read_answer(&mut stream, settings.head_limit()).await.map_err(|error| match error {
        ReadHeadError::Head(error) => DialError::Head(error),
        ReadHeadError::Ended => failed(io::ErrorKind::UnexpectedEof.into()),
        ReadHeadError::Io(error) => failed(error),
    })?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(DialError::Refused(Box::new(read_refusal(&mut stream, response, early, deadline).await)));
    }
    let negotiated = handshake.verify(&response).map_err(DialError::Answer)?;
    Ok(Conn::from_handshake(stream, Role::Client, negotiated, early, settings))
}

/// 4.1: the nonce is drawn anew for each connection.
fn random_nonce() -> io::Result<Nonce> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Nonce::from(bytes))
}

/// Reads the final response, and what came along behind it. Interim ones are skipped (RFC 9110, 15.2).
async fn read_answer(stream: &mut impl ByteStream, limit: usize) -> Result<(Response<()>, Vec<u8>), ReadHeadError> {
    let mut early = Vec::new();
    loop {
        let head;
        (head, early) = read_next_head(stream, early, limit).await?;
        let response = parse_response(&head).map_err(ReadHeadError::Head)?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS || !response.status().is_informational() {
            return Ok((response, early));
        }
    }
}

/// Reads as much of the body as its length announces, until the deadline; without a length, what came along.
async fn read_refusal(
    stream: &mut impl ByteStream,
    response: Response<()>,
    mut body: Vec<u8>,
    deadline: Instant,
) -> Refusal {
    let (parts, ()) = response.into_parts();
    let outstanding = content_length(&parts.headers).min(MAX_BODY).saturating_sub(body.len());
    // A body that does not come whole is still worth what came of it.
    let _ = timeout_at(deadline, stream.take(outstanding as u64).read_to_end(&mut body)).await;
    body.truncate(MAX_BODY);
    Refusal { status: parts.status, headers: parts.headers, body }
}

fn content_length(headers: &HeaderMap) -> usize {
    let value = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

const MAX_BODY: usize = 4 * 1024;
