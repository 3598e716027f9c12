//! HTTP `CONNECT` (RFC 9110, 9.3.6): the proxy connects to the server and then passes bytes on.

use std::{error::Error, fmt, io};

use http::HeaderValue;
use silverback_proto::handshake::HeadError;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::Proxy;
use crate::{
    dial::{
        DialError, DialStep, Refusal,
        error::Place,
        final_response::{MAX_INTERIM_RESPONSES, NoResponse, read_final_response},
    },
    io::{head::ReadHeadError, transport::wire::Wire},
};

/// Asks the proxy to connect to `server`, which is named by its `host:port`, with brackets around an IPv6 address.
/// `deadline` only ends the reading of a refusal. Returns the bytes that the server has sent by then, if it may speak first.
pub(in crate::dial) async fn tunnel(
    stream: &mut Wire,
    proxy: &Proxy,
    server: Place<'_>,
    user_agent: &HeaderValue,
    head_limit: usize,
    deadline: Instant,
    server_may_begin: bool,
) -> Result<Vec<u8>, DialError> {
    let failed = |source| server.failed(DialStep::Proxy, source);
    stream.write_all(&request(proxy, server.target, user_agent)).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let (response, leftover) =
        read_final_response(stream, head_limit).await.map_err(|error| failed(no_response(error)))?;
    if !response.status().is_success() {
        let refusal = Refusal::read(stream, response, leftover, deadline).await;
        return Err(DialError::ProxyRefused { proxy: proxy.target(), peer: server.peer, refusal });
    }
    // In TLS and in HTTP/1.1 the client speaks first. So these bytes did not come from the server.
    match leftover.is_empty() || server_may_begin {
        true => Ok(leftover),
        false => Err(failed(invalid("the proxy sent bytes into the tunnel before the client did"))),
    }
}

fn request(proxy: &Proxy, server: &str, user_agent: &HeaderValue) -> Vec<u8> {
    let mut request = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n").into_bytes();
    let mut add = |name: &str, value: &HeaderValue| {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    };
    add("User-Agent: ", user_agent);
    if let Some(authorization) = proxy.authorization() {
        add("Proxy-Authorization: ", &authorization);
    }
    request.extend_from_slice(b"\r\n");
    request
}

fn no_response(error: NoResponse) -> io::Error {
    match error {
        NoResponse::Head(ReadHeadError::Head(error)) => invalid(NotAnAnswer(error)),
        NoResponse::Head(ReadHeadError::Ended) => {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the proxy ended the connection without an answer")
        }
        NoResponse::Head(ReadHeadError::Io(error)) => error,
        NoResponse::TooManyInterim => invalid(format!(
            "the proxy sent more than {MAX_INTERIM_RESPONSES} interim responses (1xx) and no final one"
        )),
    }
}

fn invalid(error: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The proxy's response is not valid HTTP or is too large. Its source is the [`HeadError`].
#[derive(Debug)]
struct NotAnAnswer(HeadError);

impl fmt::Display for NotAnAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            error @ (HeadError::TooLarge { .. } | HeadError::TooManyHeaders { .. }) => {
                write!(f, "the proxy's answer is too large: {error}")
            }
            error => write!(f, "the proxy did not answer with HTTP: {error}"),
        }
    }
}

impl Error for NotAnAnswer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
