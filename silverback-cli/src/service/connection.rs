//! One accepted socket: HTTP/1.1 requests, until one of them upgrades it to a WebSocket connection.
//!
//! The service does not build on an HTTP server. Usually the first request is the handshake, which must be cheap. A
//! second parser for all other requests would have different limits, timeouts and tolerances. So this file reads and
//! answers every request of a connection.

pub(crate) mod requests;

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, Version,
    header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING},
};
use silverback::{
    ByteStream, Conn,
    proto::handshake::{ServerHandshake, headers::contains_token, http1::encode_response},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::yield_now,
    time::{Instant, sleep, timeout, timeout_at},
};

use self::requests::{ReadError, Requests};
use super::{
    echo::{self, Echo},
    memory,
    open_connections::OpenConnections,
    routes::{Answer, Body, Routes},
    sockets::Peer,
};

/// State that the connections of a worker share.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) routes: Arc<Routes>,
    pub(crate) open: Arc<OpenConnections>,
    /// The time for each request and its answer. For the first request it starts when the socket is accepted.
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_head_size: usize,
}

/// Serves a socket. Completes when it is closed or upgraded to a WebSocket.
pub(crate) async fn serve(stream: impl ByteStream, peer: Peer, http: Http) {
    if !http.open.has_room() {
        return;
    }
    let presence = http.open.enter();
    reclaim_memory(&http);
    if let Some(conn) = http.begin(stream, peer).await {
        let printer = http.routes.printer.clone();
        // The echo runs in a new, small task: an idle connection then holds none of the memory that its handshake
        // needed.
        tokio::spawn(echo::serve(Echo { conn, presence, peer, printer, waiting: None }));
    }
}

impl Http {
    /// Answers requests until one is a handshake. Returns `None` if the connection ends before.
    async fn begin(&self, mut stream: impl ByteStream, peer: Peer) -> Option<Conn> {
        let mut requests = Requests::new(self.max_head_size);
        loop {
            let deadline = Instant::now() + self.handshake_timeout;
            let read = {
                let reading = pin!(requests.next(&mut stream));
                tokio::select! {
                    read = within(deadline, reading) => read,
                    () = self.open.closing() => return None,
                }
            };
            let (response, is_last) = match read {
                Some(Ok(request)) => match self.routes.answer(&request, peer) {
                    Answer::Upgrade(handshake) => {
                        // Boxed, because this future would copy it each time that it is moved.
                        return Box::pin(self.accept(stream, *handshake, requests.into_rest(), deadline)).await;
                    }
                    Answer::Response(response) => encode_answer(response, &request),
                },
                Some(Err(ReadError::Head(error))) => (encode(self.routes.refuse_head(&error, peer)), true),
                Some(Err(ReadError::Ended)) => return None,
                // No request has begun, so no client waits for an answer.
                None if requests.is_between() => return None,
                None => (encode(self.routes.time_out()), true),
            };
            // Sending a page may take longer than receiving a head.
            let answer_deadline = Instant::now() + self.handshake_timeout * ANSWER_FACTOR;
            within(answer_deadline, pin!(stream.write_all(&response))).await?.ok()?;
            if is_last {
                self.close(stream, deadline).await;
                return None;
            }
        }
    }

    /// A client that is refused here has already got the reason.
    async fn accept(
        &self,
        stream: impl ByteStream,
        handshake: ServerHandshake,
        early: Vec<u8>,
        deadline: Instant,
    ) -> Option<Conn> {
        // The echo works with every subprotocol. Browsers fail the connection if the server selects none of those they
        // offered.
        let upgrader = match handshake.subprotocols().first() {
            Some(first) => &self.routes.upgrader.clone().subprotocols([first]),
            None => &self.routes.upgrader,
        };
        let accepting = pin!(upgrader.accept_handshake(stream, handshake, early));
        tokio::select! {
            // A handshake that arrived before the shutdown is accepted, so that its client gets a Close frame with
            // 1001.
            biased;
            accepted = within(deadline, accepting) => accepted?.ok(),
            () = self.open.closing() => None,
        }
    }

    /// Ends the stream after the last answer and reads the client's remaining bytes. With unread bytes the kernel would
    /// reset the connection, and the client could lose the answer.
    async fn close(&self, mut stream: impl ByteStream, deadline: Instant) {
        let drained = async {
            stream.shutdown().await?;
            tokio::io::copy(&mut stream.take(MAX_DRAINED), &mut tokio::io::sink()).await
        };
        tokio::select! {
            _ = timeout_at(deadline, drained) => {}
            () = self.open.closing() => {}
        }
    }
}

/// Encodes the answer to a request, and returns whether it is the last one of its connection.
fn encode_answer(mut response: Response<Body>, request: &Request<()>) -> (Vec<u8>, bool) {
    let is_last = request.version() != Version::HTTP_11
        || contains_token(request.headers(), &CONNECTION, "close")
        || contains_token(response.headers(), &CONNECTION, "close")
        // No route takes a body, so bodies are not read. Then the bytes after the head cannot be a request.
        || declares_body(request.headers());
    if is_last {
        response.headers_mut().entry(CONNECTION).or_insert(HeaderValue::from_static("close"));
    }
    let body_length = response.body().len();
    let mut bytes = encode(response);
    if request.method() == Method::HEAD {
        bytes.truncate(bytes.len() - body_length);
    }
    (bytes, is_last)
}

fn encode(mut response: Response<Body>) -> Vec<u8> {
    // RFC 9110, 6.6.1: a server with a clock sends the date.
    let date = HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now()));
    response.headers_mut().extend(date.ok().map(|date| (DATE, date)));
    encode_response(&response)
}

fn declares_body(headers: &HeaderMap) -> bool {
    let is_empty = |length: &HeaderValue| length.as_bytes() == b"0";
    headers.contains_key(TRANSFER_ENCODING) || !headers.get_all(CONTENT_LENGTH).iter().all(is_empty)
}

/// Returns the output of `work`, or `None` if the deadline passes first.
async fn within<F: Future>(deadline: Instant, mut work: Pin<&mut F>) -> Option<F::Output> {
    if let Ok(done) = timeout_at(deadline, work.as_mut()).await {
        return Some(done);
    }
    // The process may have been stopped past the deadline. Data that arrived meanwhile becomes visible after the I/O
    // driver has run, which takes more than one turn if there are many sockets.
    let late = deadline.elapsed().min(LONGEST_LOOK);
    yield_now().await;
    timeout(late, work).await.ok()
}

/// Gives unused memory back after connections have left or large messages are done. While there are connections, it
/// also keeps a timer that is due before theirs: the runtime wakes its driver, by a write to itself, for each new timer
/// that is due before all others.
fn reclaim_memory(http: &Http) {
    if let Some(reclaimer) = http.open.reclaimer() {
        let period = LOOK_EVERY.min(http.handshake_timeout / 2);
        tokio::spawn(async move {
            while reclaimer.is_needed() {
                sleep(period).await;
                memory::give_back().await;
            }
        });
    }
}

/// The longest time to look for a peer's data after a deadline that this process noticed late.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// The time to send an answer, in handshake timeouts.
const ANSWER_FACTOR: u32 = 4;

/// The interval of the memory reclaimer.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The most bytes read from a client after its last answer: more than the largest head that an option allows.
const MAX_DRAINED: u64 = 256 * 1024;
