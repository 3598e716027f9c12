//! One request stream of a server over HTTP/3.

use std::{future::poll_fn, io, pin::pin, sync::Arc, task::Poll};

use http::{Method, Request, Response};
use quinn::{RecvStream, SendStream};
use silverback_proto::{
    Negotiated, Role,
    h3::{ErrorCode, FieldSection, FrameHeader, Limits, StreamEvent},
    handshake::{Rejection, ServerHandshake},
};
use tokio::time::timeout_at;

use crate::{
    conn::Conn,
    io::transport::{
        ReadSide, WriteSide,
        http3::{
            halves,
            link::Link,
            reader::{Http3Reader, StreamError},
            writer::Http3Writer,
        },
    },
    upgrade::{UpgradeError, Upgrader, bare::Budget, multiplexed::negotiate},
};

/// The outcome of one request.
pub(super) type Accepted = Result<(Conn, Request<()>), UpgradeError>;

/// Answers the request of one stream.
pub(super) async fn take(
    upgrader: &Upgrader,
    stream: (SendStream, RecvStream),
    limits: Limits,
    link: Arc<Link>,
) -> Accepted {
    let budget = Budget::start(upgrader);
    let (mut writer, mut reader) = halves(stream, Role::Client, limits, link.clone());
    let mut request = Request::default();
    match handshake(upgrader, &budget, &mut request, &mut writer, &mut reader).await {
        Ok(negotiated) => {
            let sides = (ReadSide::Http3(Box::new(reader)), WriteSide::Http3(Box::new(writer)));
            Ok((Conn::on(sides, Role::Server, negotiated, Vec::new(), &upgrader.settings), request))
        }
        Err(UpgradeError::Http3(fault)) if fault.ends_connection() => {
            link.fail(&fault);
            Err(UpgradeError::Http3(fault))
        }
        Err(error) => {
            let refusing = refuse(&mut writer, &mut reader, request.method(), &error);
            // Even after the deadline this polls once, so QUIC can still take a response such as the 408.
            let _ = timeout_at(budget.deadline(), refusing).await;
            Err(error)
        }
    }
}

/// Reads the request into `request`, and accepts it.
async fn handshake(
    upgrader: &Upgrader,
    budget: &Budget,
    request: &mut Request<()>,
    writer: &mut Http3Writer,
    reader: &mut Http3Reader,
) -> Result<Negotiated, UpgradeError> {
    let protocol = budget.limit(read_request(request, reader)).await?;
    let handshake = read_handshake(request, protocol.as_deref(), reader.has_ended().await);
    let (response, negotiated) = negotiate(upgrader, budget, request, handshake, is_abandoned(reader, writer)).await?;
    let head = FieldSection::from_response(&response).map(|section| section.encode_frame()).unwrap_or_default();
    budget.limit(async { writer.send(head).await.map_err(|_| UpgradeError::Disconnected) }).await?;
    Ok(negotiated)
}

/// Returns the `:protocol` of the request.
async fn read_request(request: &mut Request<()>, reader: &mut Http3Reader) -> Result<Option<String>, UpgradeError> {
    match reader.read_head().await {
        Ok(StreamEvent::Request { request: head, protocol }) => {
            *request = *head;
            Ok(protocol)
        }
        Err(StreamError::Fault(fault)) => Err(UpgradeError::Http3(fault)),
        Err(StreamError::Lost(error)) if error.kind() != io::ErrorKind::ConnectionReset => Err(error.into()),
        // The stream of a client begins with a request, so this is a reset.
        Ok(_) | Err(StreamError::Lost(_)) => Err(UpgradeError::Disconnected),
    }
}

fn read_handshake(
    request: &Request<()>,
    protocol: Option<&str>,
    has_ended: bool,
) -> Result<ServerHandshake, Rejection> {
    let handshake = ServerHandshake::from_connect(request, protocol)?;
    if has_ended { Err(handshake.reject(Rejection::EndOfStream)) } else { Ok(handshake) }
}

/// Waits until the client has reset one of the two sides, or the connection is lost.
async fn is_abandoned(reader: &mut Http3Reader, writer: &Http3Writer) {
    let (mut reset, mut stopped) = (pin!(reader.is_reset()), pin!(writer.is_stopped()));
    poll_fn(|cx| {
        let is_over = reset.as_mut().poll(cx).is_ready() || stopped.as_mut().poll(cx).is_ready();
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Sends the reason, and waits until the client has it. A connection that ends earlier would lose it.
async fn refuse(writer: &mut Http3Writer, reader: &mut Http3Reader, method: &Method, error: &UpgradeError) {
    let code = match error {
        UpgradeError::Disconnected | UpgradeError::Io(_) => return,
        UpgradeError::Http3(fault) => fault.code(),
        _ => ErrorCode::NO_ERROR,
    };
    reader.stop(code);
    if matches!(error, UpgradeError::Http3(fault) if fault.status().is_none()) {
        return writer.reset(code);
    }
    let Some(frames) = encode(&error.response(), method) else { return writer.reset(ErrorCode::INTERNAL_ERROR) };
    if writer.send(frames).await.is_ok() {
        // Fails if the client resets the stream meanwhile, and then it does not wait for the reason.
        let _ = poll_fn(|cx| writer.poll_shut_down(cx)).await;
    }
}

/// Returns the frames of a response, or `None` if HTTP/3 does not have its status.
fn encode(response: &Response<String>, method: &Method) -> Option<Vec<u8>> {
    let mut frames = FieldSection::from_response(response).ok()?.encode_frame();
    let body = response.body().as_bytes();
    // A response to HEAD has no body (RFC 9110, 9.3.2).
    if method != Method::HEAD {
        frames.extend_from_slice(&FrameHeader::data(body.len() as u64).encode());
        frames.extend_from_slice(body);
    }
    Some(frames)
}
