//! A client and a server over HTTP/2 (RFC 8441) on the crate h2, which send requests, responses and frames exactly as a
//! test writes them.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    client::{Connection, SendRequest},
    ext::Protocol,
    server::{self, SendResponse},
};
use http::{Method, Request, Response, StatusCode, Version};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use crate::wire::{CLIENT_KEY, Frame, decode};

/// A connection over HTTP/2.
#[derive(Clone, Debug)]
pub struct Client(SendRequest<Bytes>);

/// A stream that was opened with a request, after its response.
#[derive(Debug)]
pub struct Stream {
    /// The head of the response.
    pub response: Response<()>,
    sender: SendStream<Bytes>,
    receiver: RecvStream,
    received: Vec<u8>,
    key: Option<[u8; 4]>,
}

impl Client {
    /// Sends the preface on a transport and drives the connection in a task.
    pub async fn connect(transport: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = h2::client::handshake(transport).await.expect("a server of HTTP/2");
        let mut connection: Connection<_, Bytes> = connection;
        connection.set_target_window_size(1024 * 1024);
        tokio::spawn(async move { _ = connection.await });
        Self(sender)
    }

    /// Opens a WebSocket at `https://example.com/ws`, with these fields beside the version.
    pub async fn open(&self, fields: &[(&str, &str)]) -> Stream {
        let mut request = Request::builder().method(Method::CONNECT).uri("https://example.com/ws");
        request = request.header("sec-websocket-version", "13");
        request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(()).expect("a request"), Some("websocket"), false).await.expect("a response")
    }

    /// Sends any request and waits for its response. `ends` ends the stream with it.
    ///
    /// # Errors
    /// Fails if the stream is reset or the connection ends.
    pub async fn send(
        &self,
        mut request: Request<()>,
        protocol: Option<&str>,
        ends: bool,
    ) -> Result<Stream, h2::Error> {
        let mut client = self.0.clone().ready().await?;
        *request.version_mut() = Version::HTTP_2;
        if let Some(protocol) = protocol {
            // The server has sent its SETTINGS once it has answered, but this may be the first request.
            while !client.is_extended_connect_protocol_enabled() {
                tokio::task::yield_now().await;
            }
            request.extensions_mut().insert(Protocol::from(protocol));
        }
        let (response, sender) = client.send_request(request, ends)?;
        let (response, receiver) = response.await?.into_parts();
        let response = Response::from_parts(response, ());
        Ok(Stream { response, sender, receiver, received: Vec::new(), key: Some(CLIENT_KEY) })
    }
}

impl Stream {
    /// The status of the response.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Sends a frame, masked if this is the client's side.
    pub fn send_frame(&mut self, frame: Frame) {
        self.send(&Frame { mask: self.key, ..frame }.encode());
    }

    /// Sends bytes as one DATA frame, or more if the window is small.
    pub fn send(&mut self, bytes: &[u8]) {
        self.sender.send_data(Bytes::copy_from_slice(bytes), false).expect("an open stream");
    }

    /// The bytes that wait for the window of the server.
    pub fn is_blocked(&mut self, wanted: usize) -> bool {
        self.sender.reserve_capacity(wanted);
        self.sender.capacity() < wanted
    }

    /// Ends the stream in order.
    pub fn finish(&mut self) {
        self.sender.send_data(Bytes::new(), true).expect("an open stream");
    }

    /// Resets the stream.
    pub fn reset(&mut self, reason: Reason) {
        self.sender.send_reset(reason);
    }

    /// Receives the next frame, with its mask removed; `None` if the stream has ended.
    ///
    /// # Errors
    /// Fails if the peer resets the stream.
    pub async fn receive(&mut self) -> Result<Option<Frame>, h2::Error> {
        loop {
            if let Some((frame, used)) = decode(&self.received) {
                self.received.drain(..used);
                return Ok(Some(frame.unmasked()));
            }
            let Some(data) = self.receiver.data().await else { return Ok(None) };
            let data = data?;
            self.receiver.flow_control().release_capacity(data.len())?;
            self.received.extend(data);
        }
    }

    /// Receives exactly this frame.
    pub async fn expect(&mut self, frame: Frame) {
        assert_eq!(self.receive().await.expect("an open stream"), Some(frame));
    }

    /// Receives the body of an ordinary response.
    pub async fn body(&mut self) -> String {
        let mut body = Vec::new();
        while let Some(data) = self.receiver.data().await {
            let data = data.expect("a body");
            self.receiver.flow_control().release_capacity(data.len()).expect("no more than came");
            body.extend(data);
        }
        String::from_utf8(body).expect("text")
    }
}

/// A server over HTTP/2, on one connection.
#[derive(Debug)]
pub struct Server {
    asked: UnboundedReceiver<Asked>,
    orders: UnboundedSender<Order>,
    task: JoinHandle<Result<(), h2::Error>>,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    GoAway,
    Abort(Reason),
}

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Asked {
    /// The head of the request.
    pub request: Request<()>,
    respond: SendResponse<Bytes>,
    receiver: RecvStream,
}

impl Server {
    /// Serves a transport in a task, with extended CONNECT.
    pub fn serve(transport: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self::serve_with(transport, server::Builder::new().enable_connect_protocol())
    }

    /// Serves with these settings.
    pub fn serve_with(
        transport: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        settings: &server::Builder,
    ) -> Self {
        let handshake = settings.handshake(transport);
        let (asks, asked) = unbounded_channel();
        let (orders, mut ordered) = unbounded_channel();
        let task = tokio::spawn(async move {
            let mut connection = handshake.await?;
            poll_fn(|cx| {
                while let Poll::Ready(Some(order)) = ordered.poll_recv(cx) {
                    match order {
                        Order::GoAway => connection.graceful_shutdown(),
                        Order::Abort(reason) => connection.abrupt_shutdown(reason),
                    }
                }
                poll_requests(&mut connection, &asks, cx)
            })
            .await
        });
        Self { asked, orders, task }
    }

    /// Waits for the next request.
    ///
    /// # Panics
    /// If the connection ends instead.
    pub async fn request(&mut self) -> Asked {
        self.asked.recv().await.expect("a request before the end of the connection")
    }

    /// Returns whether a request waits.
    #[must_use]
    pub fn has_request(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Says that no more streams are accepted, and ends the connection after those that are open.
    pub fn go_away(&self) {
        let _ = self.orders.send(Order::GoAway);
    }

    /// Ends the connection with this reason.
    pub fn abort(&self, reason: Reason) {
        let _ = self.orders.send(Order::Abort(reason));
    }

    /// Drops the transport without a word.
    pub fn vanish(self) {
        self.task.abort();
    }

    /// Waits until the client has ended the connection.
    ///
    /// # Errors
    /// Fails if the connection did not end in order.
    pub async fn ended(self) -> Result<(), h2::Error> {
        self.task.await.expect("no panic")
    }
}

fn poll_requests<T: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut server::Connection<T, Bytes>,
    asks: &UnboundedSender<Asked>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), h2::Error>> {
    loop {
        match connection.poll_accept(cx) {
            Poll::Ready(Some(Ok((request, respond)))) => {
                let (head, receiver) = request.into_parts();
                let _ = asks.send(Asked { request: Request::from_parts(head, ()), respond, receiver });
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Pending => return Poll::Pending,
        }
    }
}

impl Asked {
    /// The value of `:protocol`.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.request.extensions().get::<Protocol>().map(Protocol::as_str)
    }

    /// Whether the client has ended the stream.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.receiver.is_end_stream()
    }

    /// Sends an interim response.
    pub fn interim(&mut self, status: u16) {
        let response = Response::builder().status(status).body(()).expect("a status");
        self.respond.send_informational(response).expect("an open stream");
    }

    /// Accepts the WebSocket with 200.
    pub fn accept(self) -> Stream {
        self.answer(StatusCode::OK, &[])
    }

    /// Answers with a status and these fields, and leaves the stream open.
    pub fn answer(mut self, status: StatusCode, fields: &[(&str, &str)]) -> Stream {
        let mut response = Response::builder().status(status);
        response = fields.iter().fold(response, |response, (name, value)| response.header(*name, *value));
        let response = response.body(()).expect("a response");
        let sender = self.respond.send_response(response.clone(), false).expect("an open stream");
        Stream { response, sender, receiver: self.receiver, received: Vec::new(), key: None }
    }

    /// Resets the stream instead of an answer.
    pub fn reset(mut self, reason: Reason) {
        self.respond.send_reset(reason);
    }

    /// Waits until the client resets the stream.
    ///
    /// # Errors
    /// Fails if the connection ends.
    pub async fn was_reset(&mut self) -> Result<Reason, h2::Error> {
        poll_fn(|cx| self.respond.poll_reset(cx)).await
    }
}
