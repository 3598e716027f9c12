//! A client over HTTP/2 (RFC 8441) on the crate h2, which sends requests and frames exactly as a test writes them.

use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    client::{Connection, SendRequest},
    ext::Protocol,
};
use http::{Method, Request, Response, Version};
use tokio::io::{AsyncRead, AsyncWrite};

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
        Ok(Stream { response, sender, receiver, received: Vec::new() })
    }
}

impl Stream {
    /// The status of the response.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Sends a frame, masked.
    pub fn send_frame(&mut self, frame: Frame) {
        self.send(&frame.masked(CLIENT_KEY).encode());
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

    /// Receives the next frame; `None` if the stream has ended.
    ///
    /// # Errors
    /// Fails if the server resets the stream.
    pub async fn receive(&mut self) -> Result<Option<Frame>, h2::Error> {
        loop {
            if let Some((frame, used)) = decode(&self.received) {
                self.received.drain(..used);
                return Ok(Some(frame));
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
            body.extend(data.expect("a body"));
        }
        String::from_utf8(body).expect("text")
    }
}
