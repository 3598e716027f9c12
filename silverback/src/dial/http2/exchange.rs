//! The opening handshake on one stream of an HTTP/2 connection (RFC 8441, 5).

use std::{future::poll_fn, io};

use h2::{RecvStream, client::ResponseFuture, ext::Protocol};
use http::{Response, StatusCode, Version, header};
use silverback_proto::handshake::{ClientHandshake, ClientRequest, HandshakeError};
use tokio::time::Instant;

use super::connection::Slot;
use crate::{
    conn::Conn,
    dial::{
        DialError, DialEvent, DialStep, Dialer, Refusal,
        error::Place,
        exchange::{http_url, opening},
        final_response::MAX_INTERIM_RESPONSES,
        multiplexed::Remedy,
    },
    io::transport::{
        ReadSide, WriteSide,
        http2::{Http2Reader, Http2Writer, to_io},
    },
};

/// Opens a stream, sends the request and reads the response. If the future is dropped, the stream is reset.
pub(super) async fn exchange(
    dialer: &Dialer,
    mut slot: Slot,
    mut request: ClientRequest,
    place: Place<'_>,
    deadline: Instant,
) -> Result<(Conn, Response<()>), DialError> {
    let failed = |error| place.failed(DialStep::Handshake, to_io(error));
    let (target, peer) = (|| place.target.to_owned(), place.peer);
    let url = http_url(&request);
    if let Some(cookies) = dialer.cookies(&url) {
        request = request.header(header::COOKIE, cookies);
    }
    let handshake = ClientHandshake::new_connect(request, Version::HTTP_2).map_err(DialError::Request)?;
    dialer.observe(&DialEvent::Requested { request: handshake.request() });
    let begun = Instant::now();
    let mut head = handshake.request().clone();
    head.extensions_mut().insert(Protocol::from_static(ClientHandshake::PROTOCOL));
    let (responding, sender) = slot.sender.send_request(head, false).map_err(failed)?;
    // Only the stream keeps the connection open from here on.
    drop(slot.sender);
    let (mut response, receiver) = match final_response(responding).await.map_err(failed)? {
        Answer::Final(response) => response,
        Answer::Switched => {
            let error = HandshakeError::ConnectStatus(StatusCode::SWITCHING_PROTOCOLS);
            return Err(DialError::Answer { target: target(), peer, error });
        }
        Answer::TooManyInterim => {
            return Err(DialError::TooManyInterim { target: target(), peer, limit: MAX_INTERIM_RESPONSES });
        }
    };
    dialer.answered(&url, &mut response, begun);
    if !response.status().is_success() {
        let refusal = Refusal::read_http2(receiver, response, deadline).await;
        return Err(DialError::Refused { target: target(), peer, refusal });
    }
    let wrong = |error| DialError::Answer { target: target(), peer, error };
    let opening = opening(Version::HTTP_2, handshake, &response).map_err(wrong)?;
    let sides = (
        ReadSide::Http2(Box::new(Http2Reader::new(receiver, slot.addresses))),
        WriteSide::Http2(Box::new(Http2Writer::new(sender, slot.counted))),
    );
    Ok((Conn::on(sides, opening, Vec::new(), &dialer.settings), response))
}

enum Answer {
    Final((Response<()>, RecvStream)),
    /// 101, which HTTP/2 does not have (RFC 9113, 8.6).
    Switched,
    TooManyInterim,
}

/// Skips interim responses (RFC 9110, 15.2), up to a limit.
async fn final_response(mut responding: ResponseFuture) -> Result<Answer, h2::Error> {
    let mut interim = 0;
    while let Some(response) = poll_fn(|cx| responding.poll_informational(cx)).await {
        if response?.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Answer::Switched);
        }
        interim += 1;
        if interim > MAX_INTERIM_RESPONSES {
            return Ok(Answer::TooManyInterim);
        }
    }
    let (head, receiver) = responding.await?.into_parts();
    Ok(Answer::Final((Response::from_parts(head, ()), receiver)))
}

/// Returns what to do about an error of a handshake.
pub(super) fn remedy(error: &DialError, is_first: bool) -> Remedy {
    use h2::Reason;

    let DialError::Io { step: DialStep::Handshake, source, .. } = error else {
        // A connection that does not answer may be dead without anybody having noticed.
        return if error.is_timeout() { Remedy::LeaveConnection } else { Remedy::None };
    };
    let Some(error) = http2_error(source) else {
        return if is_first { Remedy::LeaveConnection } else { Remedy::NewConnection };
    };
    match error.reason() {
        Some(Reason::HTTP_1_1_REQUIRED) => Remedy::Http1,
        // RFC 9113, 8.7: the server has not processed the request.
        Some(Reason::REFUSED_STREAM) => Remedy::NewConnection,
        Some(Reason::NO_ERROR) if error.is_go_away() => Remedy::NewConnection,
        _ if error.is_reset() => Remedy::None,
        // The connection had ended, or has no number for another stream.
        _ if !is_first => Remedy::NewConnection,
        _ => Remedy::LeaveConnection,
    }
}

/// Returns the error of h2 that `to_io` put inside.
pub(super) fn http2_error(error: &io::Error) -> Option<&h2::Error> {
    error.get_ref()?.downcast_ref()
}
