//! The opening handshake on a bare stream: a bounded head in, a response out.

use http::{HeaderMap, HeaderValue, Request, Response, header::CONNECTION};
use silverback_proto::{
    Negotiated, Role,
    handshake::{
        Rejection, ServerHandshake,
        http1::{encode_response, encode_response_head, parse_request},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{UpgradeError, Upgrader};
use crate::{
    Conn,
    head::{ReadHeadError, read_head},
    transport::ByteStream,
};

pub(super) async fn accept(upgrader: &Upgrader, mut stream: impl ByteStream) -> Result<Conn, UpgradeError> {
    let budget = upgrader.settings.handshake_budget();
    let shaken = match timeout(budget, shake_hands(upgrader, &mut stream)).await {
        Ok(shaken) => shaken,
        Err(_) => Err(UpgradeError::Timeout(budget)),
    };
    conclude(upgrader, stream, shaken).await
}

pub(super) async fn accept_handshake(
    upgrader: &Upgrader,
    mut stream: impl ByteStream,
    handshake: ServerHandshake,
    early: Vec<u8>,
) -> Result<Conn, UpgradeError> {
    let budget = upgrader.settings.handshake_budget();
    let answered = match timeout(budget, answer(upgrader, &mut stream, handshake, HeaderMap::new())).await {
        Ok(answered) => answered,
        Err(_) => Err(UpgradeError::Timeout(budget)),
    };
    conclude(upgrader, stream, answered.map(|negotiated| (negotiated, early))).await
}

async fn conclude(
    upgrader: &Upgrader,
    mut stream: impl ByteStream,
    shaken: Result<(Negotiated, Vec<u8>), UpgradeError>,
) -> Result<Conn, UpgradeError> {
    match shaken {
        Ok((negotiated, early)) => {
            Ok(Conn::from_handshake(stream, Role::Server, negotiated, early, &upgrader.settings))
        }
        Err(error) => {
            // A client that does not read its refusal gets no more of our time than one that does not send its request.
            let budget = upgrader.settings.handshake_budget();
            let _ = timeout(budget, turn_away(&mut stream, &error)).await;
            Err(error)
        }
    }
}

async fn shake_hands(upgrader: &Upgrader, stream: &mut impl ByteStream) -> Result<(Negotiated, Vec<u8>), UpgradeError> {
    let (head, early) = read_head(stream, upgrader.settings.head_limit()).await?;
    let request = parse_request(&head).map_err(Rejection::Head)?;
    let headers = ask(upgrader, &request).await?;
    let handshake = ServerHandshake::from_request(&request)?;
    Ok((answer(upgrader, stream, handshake, headers).await?, early))
}

async fn answer(
    upgrader: &Upgrader,
    stream: &mut impl ByteStream,
    handshake: ServerHandshake,
    headers: HeaderMap,
) -> Result<Negotiated, UpgradeError> {
    let (response, negotiated) = upgrader.negotiate(handshake, headers)?;
    stream.write_all(&encode_response_head(&response)).await?;
    stream.flush().await?;
    Ok(negotiated)
}

async fn ask(upgrader: &Upgrader, request: &Request<()>) -> Result<HeaderMap, UpgradeError> {
    match &upgrader.hook {
        Some(hook) => hook(request.clone()).await.map_err(|response| UpgradeError::Refused(Box::new(response))),
        None => Ok(HeaderMap::new()),
    }
}

async fn turn_away(stream: &mut impl ByteStream, error: &UpgradeError) -> std::io::Result<()> {
    if !matches!(error, UpgradeError::Io(_) | UpgradeError::Disconnected) {
        let mut response: Response<String> = error.response();
        response.headers_mut().entry(CONNECTION).or_insert(HeaderValue::from_static("close"));
        stream.write_all(&encode_response(&response)).await?;
    }
    stream.shutdown().await?;
    // What the client still sends would make the kernel reset the connection, and the response would be lost with it.
    tokio::io::copy(&mut stream.take(MAX_DRAINED), &mut tokio::io::sink()).await.map(|_| ())
}

impl From<ReadHeadError> for UpgradeError {
    fn from(error: ReadHeadError) -> Self {
        match error {
            ReadHeadError::Head(error) => Self::Rejected(Rejection::Head(error)),
            ReadHeadError::Ended => Self::Disconnected,
            ReadHeadError::Io(error) => Self::Io(error),
        }
    }
}

/// What is read from a client that was turned away, before it is dropped.
const MAX_DRAINED: u64 = 64 * 1024;
