//! The bytes of HTTP/3 (RFC 9114) by hand, and both sides of QUIC, which send them exactly as a test writes them.

mod socket;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use qpack::{HeaderField, decode_stateless, encode_stateless};
use quinn::{
    ApplicationClose, Connecting, ConnectionError, Endpoint, ReadError, RecvStream, SendStream, TransportConfig,
    VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};

use self::socket::Cut;
use crate::wire::{CLIENT_KEY, Frame, decode};

/// The type of a frame (7.2).
pub const DATA: u64 = 0x0;
/// As [`DATA`].
pub const HEADERS: u64 = 0x1;
/// As [`DATA`].
pub const SETTINGS: u64 = 0x4;
/// As [`DATA`].
pub const GOAWAY: u64 = 0x7;
/// A frame type that means nothing and must be skipped (7.2.8).
pub const UNKNOWN: u64 = 0x21;

/// An integer of variable length (RFC 9000, 16).
pub fn varint(value: u64) -> Vec<u8> {
    match value {
        0..=0x3F => vec![value as u8],
        0x40..=0x3FFF => (0x4000 | value as u16).to_be_bytes().to_vec(),
        0x4000..=0x3FFF_FFFF => (0x8000_0000 | value as u32).to_be_bytes().to_vec(),
        _ => (0xC000_0000_0000_0000 | value).to_be_bytes().to_vec(),
    }
}

/// A frame.
pub fn frame(frame_type: u64, payload: &[u8]) -> Vec<u8> {
    [&varint(frame_type)[..], &varint(payload.len() as u64), payload].concat()
}

/// A DATA frame.
pub fn data(payload: &[u8]) -> Vec<u8> {
    frame(DATA, payload)
}

/// A HEADERS frame.
pub fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut section = Vec::new();
    encode_stateless(&mut section, fields.iter().map(|(name, value)| HeaderField::new(*name, *value)))
        .expect("fields that can be encoded");
    frame(HEADERS, &section)
}

/// The HEADERS frame of a request for a WebSocket at `https://example.com/ws`, with these fields besides.
pub fn connect(fields: &[(&str, &str)]) -> Vec<u8> {
    connect_to("/ws", fields)
}

/// As [`connect`], at another path.
pub fn connect_to(path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut all = vec![(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https")];
    all.extend([(":authority", "example.com"), (":path", path), ("sec-websocket-version", "13")]);
    all.extend(fields);
    headers(&all)
}

/// The beginning of a control stream: its type, and empty SETTINGS.
pub fn control() -> Vec<u8> {
    [varint(0), frame(SETTINGS, &[])].concat()
}

/// The same with SETTINGS_ENABLE_CONNECT_PROTOCOL, as a server sends it.
pub fn server_control() -> Vec<u8> {
    [varint(0), frame(SETTINGS, &[0x08, 0x01])].concat()
}

/// A connection of QUIC. A client has a separate socket for it, or a [`Server`] has accepted it.
#[derive(Debug)]
pub struct Connection {
    endpoint: Endpoint,
    connection: quinn::Connection,
    /// Streams that stay open as long as the connection.
    kept: Vec<SendStream>,
    cut: Arc<Cut>,
}

impl Connection {
    /// Connects to a server with this certificate (DER) for `localhost`, and sends empty SETTINGS.
    pub async fn connect(server: SocketAddr, certificate: &[u8]) -> Self {
        let mut this = Self::connect_silently(server, certificate).await;
        this.open_uni(&control()).await;
        this
    }

    /// Connects and opens no stream.
    pub async fn connect_silently(server: SocketAddr, certificate: &[u8]) -> Self {
        Self::connect_with(server, certificate, |_| {}).await
    }

    /// Does the same with other settings of QUIC.
    pub async fn connect_with(
        server: SocketAddr,
        certificate: &[u8],
        change: impl FnOnce(&mut TransportConfig),
    ) -> Self {
        let cut = Arc::new(Cut::default());
        let (endpoint, connecting) = begin(server, certificate, cut.clone(), change);
        let connection = connecting.await.expect("a server of QUIC");
        Self { endpoint, connection, kept: Vec::new(), cut }
    }

    /// Begins a connection from which the client never hears, so its handshake does not end. Keep the result.
    pub fn begin_deaf(server: SocketAddr, certificate: &[u8]) -> Connecting {
        let cut = Cut::default();
        cut.is_deaf.store(true, Ordering::SeqCst);
        begin(server, certificate, Arc::new(cut), |_| {}).1
    }

    /// From now on, a client hears nothing, but still speaks.
    pub fn deafen(&self) {
        self.cut.is_deaf.store(true, Ordering::SeqCst);
    }

    /// Ends what [`deafen`](Self::deafen) and [`vanish`](Self::vanish) began. Packets that came meanwhile are lost.
    pub fn come_back(&self) {
        self.cut.is_deaf.store(false, Ordering::SeqCst);
        self.cut.is_mute.store(false, Ordering::SeqCst);
    }

    /// From now on, a client neither hears nor says anything, as if its machine had lost its power.
    pub fn vanish(&self) {
        self.cut.is_deaf.store(true, Ordering::SeqCst);
        self.cut.is_mute.store(true, Ordering::SeqCst);
    }

    /// The connection itself.
    pub fn quic(&self) -> &quinn::Connection {
        &self.connection
    }

    /// Opens a unidirectional stream with these bytes and keeps it.
    pub async fn open_uni(&mut self, bytes: &[u8]) {
        let mut stream = self.connection.open_uni().await.expect("an open connection");
        stream.write_all(bytes).await.expect("an open stream");
        self.kept.push(stream);
    }

    /// Sends more on the unidirectional stream that was opened last.
    pub async fn send_uni(&mut self, bytes: &[u8]) {
        self.kept.last_mut().expect("a stream").write_all(bytes).await.expect("an open stream");
    }

    /// Ends the unidirectional stream that was opened last.
    pub fn finish_uni(&mut self) {
        self.kept.pop().expect("a stream").finish().expect("an open stream");
    }

    /// Opens a request stream with these bytes.
    pub async fn open(&self, bytes: &[u8]) -> Stream {
        let (mut sender, receiver) = self.connection.open_bi().await.expect("an open connection");
        // The server may stop the stream before it has everything.
        let _ = sender.write_all(bytes).await;
        Stream::new(sender, receiver)
    }

    /// Opens a WebSocket with these fields besides, and receives the response.
    pub async fn open_websocket(&self, fields: &[(&str, &str)]) -> Stream {
        let mut stream = self.open(&connect(fields)).await;
        assert_eq!(stream.status().await, Ok(200));
        stream
    }

    /// Accepts a request stream of the other side.
    pub async fn accept(&self) -> Stream {
        let (sender, receiver) = self.connection.accept_bi().await.expect("a stream");
        Stream::new(sender, receiver)
    }

    /// Accepts the control stream of the other side. It must be the first one.
    pub async fn control(&self) -> Uni {
        let mut stream = self.connection.accept_uni().await.expect("a stream");
        let mut stream_type = [0];
        stream.read_exact(&mut stream_type).await.expect("its type");
        assert_eq!(stream_type, [0], "the control stream");
        Uni { stream, raw: Vec::new() }
    }

    /// Waits until the other side has ended the connection, and returns its code.
    pub async fn closed(&self) -> u64 {
        match self.connection.closed().await {
            ConnectionError::ApplicationClosed(ApplicationClose { error_code, .. }) => error_code.into_inner(),
            error => panic!("the other side did not end the connection: {error}"),
        }
    }

    /// Ends the connection in order and waits until the server knows.
    pub async fn close(self) {
        self.connection.close(VarInt::from_u32(0x100), b"");
        self.endpoint.wait_idle().await;
    }
}

fn begin(
    server: SocketAddr,
    certificate: &[u8],
    cut: Arc<Cut>,
    change: impl FnOnce(&mut TransportConfig),
) -> (Endpoint, Connecting) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.to_vec().into()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).expect("TLS 1.3");
    let mut tls = builder.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let crypto = QuicClientConfig::try_from(tls).expect("a configuration for QUIC");
    let mut transport = TransportConfig::default();
    change(&mut transport);
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    let endpoint = socket::endpoint(cut);
    let connecting = endpoint.connect_with(config, server, "localhost").expect("an address");
    (endpoint, connecting)
}

/// A server of QUIC that does nothing by itself.
#[derive(Debug)]
pub struct Server(Endpoint);

impl Server {
    /// Binds a socket on loopback. The certificate and its key are DER (PKCS #8).
    pub fn start(certificate: &[u8], key: &[u8], alpn: &str) -> Self {
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.to_vec()).into();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).expect("TLS 1.3");
        let tls = builder.with_no_client_auth().with_single_cert(vec![certificate.to_vec().into()], key);
        let mut tls = tls.expect("a certificate and its key");
        tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let crypto = QuicServerConfig::try_from(tls).expect("a configuration for QUIC");
        let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        Self(Endpoint::server(config, ([127, 0, 0, 1], 0).into()).expect("a socket"))
    }

    /// The address of the socket.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }

    /// Accepts a connection and opens no stream.
    ///
    /// # Errors
    /// Fails if the handshake fails.
    pub async fn accept(&self) -> Result<Connection, ConnectionError> {
        let connection = self.0.accept().await.expect("a client").await?;
        Ok(Connection { endpoint: self.0.clone(), connection, kept: Vec::new(), cut: Arc::default() })
    }
}

/// A unidirectional stream of the other side.
#[derive(Debug)]
pub struct Uni {
    stream: RecvStream,
    raw: Vec<u8>,
}

impl Uni {
    /// Receives the next frame, its type and payload.
    pub async fn receive(&mut self) -> (u64, Vec<u8>) {
        loop {
            if let Some((frame_type, payload, used)) = decode_frame(&self.raw) {
                self.raw.drain(..used);
                return (frame_type, payload);
            }
            let chunk = self.stream.read_chunk(usize::MAX, true).await.expect("an open stream").expect("a frame");
            self.raw.extend_from_slice(&chunk.bytes);
        }
    }
}

/// The fields of a head.
pub type Head = Vec<(String, String)>;

/// A request stream.
#[derive(Debug)]
pub struct Stream {
    sender: SendStream,
    receiver: RecvStream,
    /// Received bytes before the frames are cut out of them.
    raw: Vec<u8>,
    /// The payload of DATA frames that was not looked at.
    data: Vec<u8>,
    data_frames: usize,
    heads: VecDeque<Head>,
}

/// The code with which the server has reset a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset(pub u64);

impl Stream {
    fn new(sender: SendStream, receiver: RecvStream) -> Self {
        Self { sender, receiver, raw: Vec::new(), data: Vec::new(), data_frames: 0, heads: VecDeque::new() }
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        self.sender.write_all(bytes).await.expect("an open stream");
    }

    /// Sends a frame of a WebSocket as it is, in one DATA frame.
    pub async fn send_unmasked(&mut self, frame: Frame) {
        self.send_raw(&data(&frame.encode())).await;
    }

    /// Sends a frame of a WebSocket, masked, in one DATA frame.
    pub async fn send_frame(&mut self, frame: Frame) {
        self.send_raw(&data(&frame.masked(CLIENT_KEY).encode())).await;
    }

    /// Ends our side in order.
    pub fn finish(&mut self) {
        self.sender.finish().expect("an open stream");
    }

    /// Resets our side with this code.
    pub fn reset(&mut self, code: u64) {
        self.sender.reset(VarInt::from_u64(code).expect("a code")).expect("an open stream");
    }

    /// Tells the server to stop sending, with this code.
    pub fn stop(&mut self, code: u64) {
        self.receiver.stop(VarInt::from_u64(code).expect("a code")).expect("an open stream");
    }

    /// Waits until the server has told us to stop sending, and returns its code.
    pub async fn stopped(&self) -> Option<u64> {
        self.sender.stopped().await.expect("an open connection").map(VarInt::into_inner)
    }

    /// Receives a head and returns its fields.
    ///
    /// # Errors
    /// Fails if the server resets the stream.
    pub async fn head(&mut self) -> Result<Head, Reset> {
        loop {
            if let Some(head) = self.heads.pop_front() {
                return Ok(head);
            }
            assert!(self.receive_more().await?, "the stream ended before a head");
        }
    }

    /// Receives a head and returns its status.
    ///
    /// # Errors
    /// Fails if the server resets the stream.
    pub async fn status(&mut self) -> Result<u16, Reset> {
        let head = self.head().await?;
        let (_, status) = head.iter().find(|(name, _)| name == ":status").expect("a status");
        Ok(status.parse().expect("a number"))
    }

    /// Receives the next frame of the WebSocket; `None` if the server has ended its side.
    ///
    /// # Errors
    /// Fails if the server resets the stream.
    pub async fn receive(&mut self) -> Result<Option<Frame>, Reset> {
        loop {
            if let Some((frame, used)) = decode(&self.data) {
                self.data.drain(..used);
                return Ok(Some(frame));
            }
            if !self.receive_more().await? {
                return Ok(None);
            }
        }
    }

    /// Receives exactly this frame of the WebSocket.
    pub async fn expect(&mut self, frame: Frame) {
        assert_eq!(self.receive().await, Ok(Some(frame)));
    }

    /// Receives the rest of the stream as text.
    ///
    /// # Errors
    /// Fails if the server resets the stream.
    pub async fn body(&mut self) -> Result<String, Reset> {
        while self.receive_more().await? {}
        Ok(String::from_utf8(std::mem::take(&mut self.data)).expect("text"))
    }

    /// How many DATA frames have come.
    pub fn data_frames(&self) -> usize {
        self.data_frames
    }

    /// Returns false at the end of the stream.
    async fn receive_more(&mut self) -> Result<bool, Reset> {
        let chunk = match self.receiver.read_chunk(usize::MAX, true).await {
            Ok(Some(chunk)) => chunk.bytes,
            Ok(None) => {
                assert!(self.raw.is_empty(), "the stream ended inside a frame");
                return Ok(false);
            }
            Err(ReadError::Reset(code)) => return Err(Reset(code.into_inner())),
            Err(error) => panic!("{error}"),
        };
        self.raw.extend_from_slice(&chunk);
        while let Some((frame_type, payload, used)) = decode_frame(&self.raw) {
            self.raw.drain(..used);
            match frame_type {
                DATA => {
                    self.data_frames += 1;
                    self.data.extend(payload);
                }
                HEADERS => self.heads.push_back(decode_head(payload)),
                _ => {}
            }
        }
        Ok(true)
    }
}

fn decode_head(section: Vec<u8>) -> Head {
    let decoded = decode_stateless(&mut Bytes::from(section), u64::MAX).expect("a field section");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let fields = decoded.fields.into_iter().map(HeaderField::into_inner);
    fields.map(|(name, value)| (text(&name), text(&value))).collect()
}

fn decode_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let len = 1 << (bytes.first()? >> 6);
    let (integer, rest) = bytes.split_at_checked(len)?;
    let value = integer.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    Some((value & (u64::MAX >> (64 - 8 * len + 2)), rest))
}

fn decode_frame(bytes: &[u8]) -> Option<(u64, Vec<u8>, usize)> {
    let (frame_type, rest) = decode_varint(bytes)?;
    let (len, rest) = decode_varint(rest)?;
    let (payload, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    Some((frame_type, payload.to_vec(), bytes.len() - rest.len()))
}
