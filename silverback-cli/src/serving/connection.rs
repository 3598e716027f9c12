//! One accepted socket: TLS if the service has it, then HTTP/2 if the client speaks it, and otherwise HTTP/1.1 requests,
//! until one of them upgrades it to a WebSocket connection. Connections over HTTP/3 also begin here.
//!
//! The service does not build on an HTTP/1.1 server. Usually the first request is the handshake, which must be cheap. A
//! second parser for all other requests would have different limits, timeouts and tolerances. So this file reads and
//! answers every request of a connection.

mod replay;
pub(crate) mod requests;
mod streams;

use std::{
    future::Future,
    pin::{Pin, pin},
    time::Duration,
};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING},
};
use silverback::{
    ByteStream, Conn, Http3Incoming,
    proto::handshake::{ServerHandshake, headers::contains_token, http1::encode_response},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    task::yield_now,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;

use self::{
    replay::Replay,
    requests::{BodyError, ReadError, Requests},
};
use super::{
    answers::{BODY_TOO_LARGE, LATE_BODY, text},
    context::{self, ANSWER_FACTOR, Http, date, for_opening},
    memory,
    monitor::Refusal,
    open_connections::{Place, Presence},
    proxy_header::{self, Fault, Speaker},
    refusals,
    routes::{self, Answer, Upgrading},
    site::{Body, Opening},
    sockets::{Peer, Socket},
    tls,
};
use crate::addresses::canonical;

/// The state of a socket once its first requests are answered.
enum Begun {
    WebSocket(Conn, Place, Opening),
    Http2(Box<dyn ByteStream>),
    Ended,
}

/// A socket that is counted, and the deadline of its first request.
pub(crate) type Admitted = (Presence, Instant);

/// Serves a socket without TLS. Completes when it is closed or has become something else.
pub(crate) async fn serve(mut stream: impl ByteStream, peer: Peer, (presence, deadline): Admitted, http: Http) {
    let Some(socket) = http.socket_of(&mut stream, peer, deadline).await else { return };
    let begun = http.begin(stream, socket, deadline).await;
    http.go_on(begun, socket, presence);
}

/// Serves a client that has begun an HTTP/3 connection.
pub(crate) async fn serve_http3(client: Http3Incoming, http: Http) {
    let Some(handshake) = http.open.begin_handshake() else { return };
    let peer = Peer::Ip(canonical(client.remote_address()));
    // A proxy that passes bytes on has no header for packets of QUIC.
    let is_client_hidden = http.routes.trust.needs_proxy_header(peer);
    let socket = Socket { is_client_hidden, ..Socket::of(peer) };
    let mut server = http.routes.upgrader.serve_http3(client);
    let connected = tokio::select! {
        connected = server.connected() => connected.is_ok(),
        () = http.open.closing() => false,
    };
    drop(handshake);
    if !connected {
        return;
    }
    let Some((presence, _)) = http.admit() else { return };
    streams::serve(server, socket, presence, http).await;
}

/// Serves a TCP socket with TLS. The TLS handshake is part of the time for the first request.
pub(crate) async fn serve_tls(mut stream: TcpStream, peer: Peer, (presence, deadline): Admitted, http: Http) {
    let Some(tls) = &http.tls else { return };
    let Some(mut socket) = http.socket_of(&mut stream, peer, deadline).await else { return };
    let Some(first) = http.unless_closing(deadline, FIRST_REQUEST, first_byte(&stream)).await else { return };
    match first {
        Some(Some(TLS_HANDSHAKE)) => {}
        Some(Some(letter)) if letter.is_ascii_uppercase() => {
            return http.refuse_plain(&mut stream, socket.client, deadline).await;
        }
        Some(Some(b'\r')) => return http.routes.note_proxy_header(socket.client),
        _ => return,
    }
    let http3_port = stream.local_addr().ok().map(|address| address.port());
    socket.http3_port = http3_port.filter(|port| http.http3_ports.contains(port));
    let Some(shaken) =
        http.unless_closing(deadline, FIRST_REQUEST, TlsAcceptor::from(tls.clone()).accept(stream)).await
    else {
        return;
    };
    match shaken {
        Some(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(tls::HTTP_2) => {
            http.go_on(Begun::Http2(Box::new(stream)), socket, presence);
        }
        Some(Ok(stream)) => {
            let begun = http.begin(stream, socket, deadline).await;
            http.go_on(begun, socket, presence);
        }
        Some(Err(error)) => {
            http.routes.places.monitor.note_refusal(Refusal::Tls);
            refusals::report_tls(socket.client, &error);
        }
        None => {}
    }
}

/// Returns the first byte and leaves it in the socket. `None` if the client has left.
async fn first_byte(stream: &TcpStream) -> Option<u8> {
    let mut byte = [0];
    match stream.peek(&mut byte).await {
        Ok(1) => Some(byte[0]),
        _ => None,
    }
}

impl Http {
    /// Counts a socket that was accepted, and returns the deadline of its first request. Returns `None` if there is no
    /// room even for a refusal.
    pub(crate) fn admit(&self) -> Option<Admitted> {
        if !self.open.has_room() {
            return None;
        }
        let presence = self.open.enter();
        reclaim_memory(self);
        Some((presence, Instant::now() + self.handshake_timeout))
    }

    /// Returns the facts about a connection. Its client is the peer, or whom a trusted proxy names in a header of the PROXY
    /// protocol. Returns `None` if the connection must end, because the header is missing or the service closes.
    async fn socket_of(&self, stream: &mut (impl AsyncRead + Unpin), peer: Peer, deadline: Instant) -> Option<Socket> {
        let socket = Socket::of(peer);
        if !self.routes.trust.needs_proxy_header(peer) {
            return Some(socket);
        }
        let fault = match self.unless_closing(deadline, FIRST_REQUEST, proxy_header::read(stream)).await? {
            Some(Ok(Speaker::Client(address))) => {
                return Some(Socket { client: Peer::Ip(canonical(address)), ..socket });
            }
            Some(Ok(Speaker::UnknownClient)) => return Some(Socket { is_client_hidden: true, ..socket }),
            Some(Ok(Speaker::Proxy)) => return Some(socket),
            // A load balancer that checks whether the port is open.
            Some(Err(Fault::Silent)) => return None,
            Some(Err(fault)) => fault.to_string(),
            None => "its PROXY header did not come in time".to_owned(),
        };
        self.routes.places.monitor.note_refusal(Refusal::ProxyHeader);
        refusals::report_proxy(peer, &fault);
        None
    }

    /// Returns the output of `work`, or of nothing if the deadline passes first. `None` if the service closes and `work` is not
    /// done within `grace` after that.
    async fn unless_closing<T>(
        &self,
        deadline: Instant,
        grace: Duration,
        work: impl Future<Output = T>,
    ) -> Option<Option<T>> {
        let work = pin!(work);
        let closed = async {
            self.open.closing().await;
            if !grace.is_zero() {
                sleep(grace).await;
            }
        };
        tokio::select! {
            biased;
            output = within(deadline, work) => Some(output),
            () = closed => None,
        }
    }

    /// Continues in a new, small task: an idle connection then holds none of the memory that its handshake needed.
    fn go_on(&self, begun: Begun, socket: Socket, presence: Presence) {
        match begun {
            Begun::WebSocket(conn, place, opening) => context::begin(conn, presence, place, opening),
            Begun::Http2(stream) => {
                let server = self.routes.upgrader.serve_http2(stream);
                tokio::spawn(streams::serve(server, socket, presence, self.clone()));
            }
            Begun::Ended => {}
        }
    }

    /// Answers requests until one is a handshake, or the client turns out to speak HTTP/2.
    async fn begin(&self, mut stream: impl ByteStream, socket: Socket, deadline: Instant) -> Begun {
        let mut requests = Requests::new(self.max_head_size);
        let Some(begun) = self.unless_closing(deadline, FIRST_REQUEST, requests.begin_http2(&mut stream)).await else {
            return Begun::Ended;
        };
        match begun {
            Some(Ok(true)) => Begun::Http2(Box::new(Replay::new(requests.into_rest(), stream))),
            Some(Err(_)) => Begun::Ended,
            // If the time is over, this answers with 408 unless nothing has come.
            Some(Ok(false)) | None => self.upgrade(stream, socket, requests, deadline).await.unwrap_or(Begun::Ended),
        }
    }

    /// Answers requests until one is a handshake. Returns `None` if the connection ends before.
    async fn upgrade(
        &self,
        mut stream: impl ByteStream,
        socket: Socket,
        mut requests: Requests,
        first_deadline: Instant,
    ) -> Option<Begun> {
        let mut deadline = first_deadline;
        loop {
            let is_first = deadline == first_deadline;
            let grace = if is_first { FIRST_REQUEST } else { NO_GRACE };
            let read = self.unless_closing(deadline, grace, requests.next(&mut stream)).await?;
            let (response, is_last) = match read {
                Some(Ok(request)) => {
                    match self.routes.answer(&request, || ServerHandshake::from_request(&request), socket) {
                        Answer::Upgrade(upgrading) => {
                            // A client that has sent other requests before may have waited between them.
                            let began = is_first.then(|| deadline - self.handshake_timeout);
                            // Boxed, because this future would copy it each time that it is moved.
                            let begun = Box::pin(self.accept(stream, *upgrading, requests.into_rest(), deadline)).await;
                            if let (Some(Begun::WebSocket(..)), Some(began)) = (&begun, began) {
                                self.routes.places.monitor.note_handshake_took(began.elapsed());
                            }
                            return begun;
                        }
                        Answer::Call { limit } => {
                            Box::pin(self.call(&mut stream, request, limit, &mut requests, deadline)).await?
                        }
                        Answer::Response(mut response) => {
                            response.headers_mut().extend(socket.alternative());
                            encode_answer(response, &request)
                        }
                    }
                }
                Some(Err(ReadError::Head(error))) => (encode(self.routes.refuse_head(&error, socket.client)), true),
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
            deadline = Instant::now() + self.handshake_timeout;
        }
    }

    /// Tells a client without TLS that this port takes TLS.
    async fn refuse_plain(&self, stream: &mut TcpStream, peer: Peer, deadline: Instant) {
        let mut requests = Requests::new(self.max_head_size);
        match self.unless_closing(deadline, NO_GRACE, requests.next(stream)).await {
            Some(Some(Ok(request))) => {
                refusals::report_plain(peer);
                let (response, _) = encode_answer(self.routes.refuse_plain(&request), &request);
                if let Some(Ok(())) = within(deadline, pin!(stream.write_all(&response))).await {
                    self.close(stream, deadline).await;
                }
            }
            Some(Some(Err(ReadError::Head(head)))) if head.is_proxy_header => self.routes.note_proxy_header(peer),
            _ => {}
        }
    }

    /// A client that is refused here has already got the reason.
    async fn accept(
        &self,
        stream: impl ByteStream,
        Upgrading { handshake, place, opening }: Upgrading,
        early: Vec<u8>,
        deadline: Instant,
    ) -> Option<Begun> {
        let upgrader = for_opening(&self.routes.upgrader, &opening);
        let accepting = pin!(upgrader.accept_handshake(stream, handshake, early));
        tokio::select! {
            // A handshake that arrived before the shutdown is accepted, so that its client gets a Close frame with
            // 1001.
            biased;
            accepted = within(deadline, accepting) => Some(Begun::WebSocket(accepted?.ok()?, place, opening)),
            () = self.open.closing() => None,
        }
    }

    /// Reads the body of a request and lets the site answer. Returns the encoded answer, and whether it is the last one of
    /// the connection.
    async fn call(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        request: Request<()>,
        limit: usize,
        requests: &mut Requests,
        deadline: Instant,
    ) -> Option<(Vec<u8>, bool)> {
        let is_refused =
            |status, words: &'static str| Some((encode(routes::last(text(status, words.as_bytes()))), true));
        let length = match requests::body_length(request.headers(), limit) {
            Ok(length) => length,
            Err(BodyError::NoLength) => return is_refused(StatusCode::LENGTH_REQUIRED, NO_LENGTH),
            Err(BodyError::Malformed) => return is_refused(StatusCode::BAD_REQUEST, BAD_LENGTH),
            Err(BodyError::TooLarge) => return is_refused(StatusCode::PAYLOAD_TOO_LARGE, BODY_TOO_LARGE),
        };
        // RFC 9110, 10.1.1.
        if contains_token(request.headers(), &EXPECT, "100-continue") && request.version() == Version::HTTP_11 {
            within(deadline, pin!(stream.write_all(CONTINUE))).await?.ok()?;
        }
        let body = self.unless_closing(deadline, NO_GRACE, requests.body(stream, length)).await?;
        let Some(body) = body else { return is_refused(StatusCode::REQUEST_TIMEOUT, LATE_BODY) };
        let (is_last, body) = (is_last(&request), body.ok()?);
        let response = self.routes.site.call(request.map(|()| body)).await;
        Some((encode(if is_last { routes::last(response) } else { response }), is_last))
    }

    /// Ends the stream after the last answer and reads the client's remaining bytes. With unread bytes the kernel would
    /// reset the connection, and the client could lose the answer.
    async fn close(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, deadline: Instant) {
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
    let is_last = is_last(request)
        || contains_token(response.headers(), &CONNECTION, "close")
        // The body was not read. Then the bytes after the head cannot be a request.
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

fn is_last(request: &Request<()>) -> bool {
    request.version() != Version::HTTP_11 || contains_token(request.headers(), &CONNECTION, "close")
}

fn encode(mut response: Response<Body>) -> Vec<u8> {
    response.headers_mut().extend(date());
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

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const NO_LENGTH: &str = "The request needs a Content-Length. Chunked bodies are not read.\n";
const BAD_LENGTH: &str = "The Content-Length is not a number, or comes together with Transfer-Encoding.\n";

/// The content type of the record that a TLS handshake begins with (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// The grace for a client that has connected and got no answer yet when the service closes: its request may be on its way. A
/// client that only holds a connection ready, as browsers do, delays the end by it.
const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// For a client that has got an answer already.
const NO_GRACE: Duration = Duration::ZERO;

/// The longest time to look for a peer's data after a deadline that this process noticed late.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// The interval of the memory reclaimer.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The most bytes read from a client after its last answer: more than the largest head that an option allows.
const MAX_DRAINED: u64 = 256 * 1024;
