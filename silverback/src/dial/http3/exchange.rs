//! The opening handshake on one stream of an HTTP/3 connection (RFC 9220).

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::Poll,
};

use http::{Response, StatusCode, Version, header};
use silverback_proto::{
    h3::{Error as Fault, ErrorCode, FieldSection, LimitError, MessageFault, StreamEvent},
    handshake::{ClientHandshake, ClientRequest, HandshakeError, HeadError},
};
use tokio::time::Instant;

use super::connection::Slot;
use crate::{
    conn::Conn,
    dial::{
        DialError, DialEvent, DialStep, Dialer, Refusal,
        error::Place,
        exchange::{http_url, opening},
        multiplexed::Remedy,
    },
    io::transport::{
        ReadSide, WriteSide,
        http3::{codes::PeerReset, control::Told, link::Link, reader::StreamError},
    },
};

/// Sends the request on a stream and reads the response. If the future is dropped, the stream is reset.
pub(super) async fn exchange(
    dialer: &Dialer,
    slot: Slot,
    mut request: ClientRequest,
    place: Place<'_>,
    deadline: Instant,
) -> Result<(Conn, Response<()>), DialError> {
    let Slot { mut writer, mut reader, link, settings, mut told } = slot;
    let failed = |error| place.failed(DialStep::Handshake, error);
    let (target, peer) = (|| place.target.to_owned(), place.peer);
    let url = http_url(&request);
    if let Some(cookies) = dialer.cookies(&url) {
        request = request.header(header::COOKIE, cookies);
    }
    let handshake = ClientHandshake::new_connect(request, Version::HTTP_3).map_err(DialError::Request)?;
    dialer.observe(&DialEvent::Requested { request: handshake.request() });
    let begun = Instant::now();
    let section = FieldSection::from_request(handshake.request(), Some(ClientHandshake::PROTOCOL))
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    if !settings.accepts(&section) {
        let text = format!("the request has {} bytes, which is more than the server accepts", section.size());
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, text)));
    }
    let stream = writer.id().unwrap_or(u64::MAX);
    let answer = {
        let mut asking = pin!(async {
            writer.send(section.encode_frame()).await?;
            reader.read_head().await
        });
        let mut left_out = pin!(Told::left_out(&mut told, stream));
        poll_fn(|cx| match asking.as_mut().poll(cx) {
            // A response that has come counts, whatever the server says besides.
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => left_out.as_mut().poll(cx).map(|()| Err(LeftOut.into())),
        })
        .await
    };
    let mut response = match answer {
        Ok(StreamEvent::Response(response)) => *response,
        // The stream of a server begins with a response.
        Ok(_) => return Err(failed(io::ErrorKind::InvalidData.into())),
        Err(StreamError::Lost(error)) => return Err(failed(error)),
        Err(StreamError::Fault(fault)) => {
            reader.stop(fault.code());
            writer.reset(fault.code());
            return Err(report(fault, &link, place));
        }
    };
    dialer.answered(&url, &mut response, begun);
    if !response.status().is_success() {
        let refusal = Refusal::read_http3(&mut reader, response, deadline).await;
        return Err(DialError::Refused { target: target(), peer, refusal });
    }
    let wrong = |error| DialError::Answer { target: target(), peer, error };
    let opening = opening(Version::HTTP_3, handshake, &response).map_err(wrong)?;
    let sides = (ReadSide::Http3(Box::new(reader)), WriteSide::Http3(Box::new(writer)));
    Ok((Conn::on(sides, opening, Vec::new(), &dialer.settings), response))
}

/// Returns the error for a rule that the server broke, and ends the connection if it must.
fn report(fault: Fault, link: &Arc<Link>, place: Place<'_>) -> DialError {
    if fault.ends_connection() {
        link.fail(&fault);
    }
    let (target, peer) = (place.target.to_owned(), place.peer);
    match fault {
        Fault::Message(MessageFault::SwitchingProtocols) => {
            let error = HandshakeError::ConnectStatus(StatusCode::SWITCHING_PROTOCOLS);
            DialError::Answer { target, peer, error }
        }
        Fault::Limit(LimitError::InterimResponses { limit }) => {
            DialError::TooManyInterim { target, peer, limit: limit as usize }
        }
        Fault::Limit(LimitError::EncodedFieldSection { limit, .. } | LimitError::FieldSection { limit, .. }) => {
            DialError::Head { target, peer, error: HeadError::TooLarge { limit: limit as usize } }
        }
        fault => place.failed(DialStep::Handshake, io::Error::new(io::ErrorKind::InvalidData, fault)),
    }
}

/// The server has ended the connection before this request (GOAWAY). It is inside of an `io::Error`.
#[derive(Debug)]
struct LeftOut;

impl From<LeftOut> for StreamError {
    fn from(error: LeftOut) -> Self {
        Self::Lost(io::Error::new(io::ErrorKind::ConnectionReset, error))
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server is ending the connection and has not processed the request (GOAWAY)")
    }
}

impl std::error::Error for LeftOut {}

/// Returns what to do about an error of a handshake.
pub(super) fn remedy(error: &DialError, is_first: bool) -> Remedy {
    let DialError::Io { step: DialStep::Handshake, source, .. } = error else {
        // A connection that does not answer may be dead without anybody having noticed.
        return if error.is_timeout() { Remedy::LeaveConnection } else { Remedy::None };
    };
    if source.get_ref().is_some_and(|inner| inner.is::<LeftOut>()) {
        return Remedy::NewConnection;
    }
    match PeerReset::within(source) {
        // RFC 9114, 4.1.1: the server has not processed the request.
        Some(ErrorCode::REQUEST_REJECTED) => Remedy::NewConnection,
        Some(_) => Remedy::None,
        None if is_fault_of_stream(source) => Remedy::None,
        // The server has ended the connection, or it is lost. On a new one, the server has seen the request.
        None if is_first => Remedy::LeaveConnection,
        None => Remedy::NewConnection,
    }
}

/// Whether the connection still works: the response is malformed, or our request is too large.
fn is_fault_of_stream(error: &io::Error) -> bool {
    let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>());
    fault.map_or(error.kind() == io::ErrorKind::InvalidInput, |fault| !fault.ends_connection())
}
