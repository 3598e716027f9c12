//! The side of the endpoint under test: HTTP/3, on quinn and the layer without I/O of `silverback_proto`.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::{Buf as _, Bytes};
use http::{Request, Response};
use quinn::{
    ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use rustls::{
    RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::TLS13,
};
use silverback::proto::{
    Role,
    h3::{
        ErrorCode, FieldSection, FrameHeader, FrameType, Limits, Peer, RequestStream, Settings, StreamEvent, UniStream,
    },
};
use tokio::sync::Mutex;

use crate::{
    AnyError, convert, handshake, http1,
    side::{Reader, Side, Writer},
};

/// Opens WebSockets on one connection to the endpoint.
pub(crate) struct Client {
    target: String,
    config: ClientConfig,
    /// Empty before the first WebSocket.
    connection: Mutex<Option<Connection>>,
}

impl Client {
    /// `target` is `localhost:PORT`, and `authority` a PEM file with whom to trust.
    pub(crate) fn new(target: &str, authority: &str) -> Result<Self, AnyError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority)? {
            roots.add(certificate?)?;
        }
        let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS13])?;
        let mut tls = builder.with_root_certificates(roots).with_no_client_auth();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        Ok(Self { target: target.to_owned(), config, connection: Mutex::new(None) })
    }

    pub(crate) async fn open(&self, upgrade: &Request<()>) -> Result<(Response<()>, Side), AnyError> {
        let connection = self.connection().await?;
        let (mut writer, reader) = connection.open_bi().await?;
        let request = handshake::connect(upgrade, "https", &self.target)?;
        writer.write_all(&FieldSection::from_request(&request, Some("websocket"))?.encode_frame()).await?;
        let mut reader = Http3Reader::new(reader, Role::Server);
        match reader.next().await? {
            Some(StreamEvent::Response(response)) => Ok((*response, (Reader::Http3(reader), Writer::Http3(writer)))),
            _ => Err("no response".into()),
        }
    }

    async fn connection(&self) -> Result<Connection, AnyError> {
        let mut opened = self.connection.lock().await;
        if let Some(connection) = &*opened {
            return Ok(connection.clone());
        }
        let (name, port) = self.target.rsplit_once(':').ok_or("no port")?;
        let endpoint = Endpoint::client("127.0.0.1:0".parse()?)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port.parse()?));
        let connection = endpoint.connect_with(self.config.clone(), address, name)?.await?;
        let settings = settle(&connection, Role::Client).await?;
        if !settings.enable_connect_protocol {
            return Err("extended CONNECT is not announced".into());
        }
        *opened = Some(connection.clone());
        Ok(connection)
    }
}

/// Converts what the endpoint opens.
pub(crate) async fn serve(certificates: &str, key: &str, target: &str) -> Result<(), AnyError> {
    let chain = CertificateDer::pem_file_iter(certificates)?.collect::<Result<Vec<_>, _>>()?;
    let builder = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13])?.with_no_client_auth();
    let mut tls = builder.with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    let endpoint = Endpoint::server(config, "127.0.0.1:0".parse()?)?;
    println!("listening {}", endpoint.local_addr()?);
    while let Some(incoming) = endpoint.accept().await {
        let target = target.to_owned();
        tokio::spawn(async move {
            if let Err(error) = async { serve_connection(incoming.await?, &target).await }.await {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

async fn serve_connection(connection: Connection, target: &str) -> Result<(), AnyError> {
    settle(&connection, Role::Server).await?;
    loop {
        let (writer, reader) = connection.accept_bi().await?;
        let target = target.to_owned();
        tokio::spawn(async move {
            if let Err(error) = serve_one(writer, reader, &target).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn serve_one(mut writer: SendStream, reader: RecvStream, target: &str) -> Result<(), AnyError> {
    let mut reader = Http3Reader::new(reader, Role::Client);
    let Some(StreamEvent::Request { request, .. }) = reader.next().await? else { return Err("no request".into()) };
    let (response, other) = http1::open(target, &handshake::upgrade(&request, target)?).await?;
    writer.write_all(&FieldSection::from_response(&handshake::success(&response))?.encode_frame()).await?;
    convert((Reader::Http3(reader), Writer::Http3(writer)), other).await;
    Ok(())
}

/// Sends our settings and waits for those of the other side. The control streams stay open as long as the connection.
async fn settle(connection: &Connection, role: Role) -> Result<Settings, AnyError> {
    let limits = Limits::default();
    let ours = if role == Role::Server { Settings::server(&limits) } else { Settings::client(&limits) };
    let mut control = connection.open_uni().await?;
    control.write_all(&ours.control_stream()).await?;
    let mut peer = Peer::new(role, limits);
    let mut kept = Vec::new();
    let settings = loop {
        let (mut stream, mut state) = (connection.accept_uni().await?, UniStream::new());
        while peer.settings().is_none() {
            let Some(chunk) = stream.read_chunk(usize::MAX, true).await? else { break };
            state.handle_input(&chunk.bytes, &mut peer)?;
        }
        kept.push(stream);
        if let Some(settings) = peer.settings() {
            break *settings;
        }
    };
    let connection = connection.clone();
    tokio::spawn(async move {
        while let Ok(stream) = connection.accept_uni().await {
            kept.push(stream);
        }
        drop(control);
    });
    Ok(settings)
}

/// What the other side sends on a stream.
pub(crate) struct Http3Reader {
    stream: RecvStream,
    state: RequestStream,
    chunk: Bytes,
    /// The payload of a DATA frame that [`next`](Self::next) has found.
    data: Bytes,
}

impl Http3Reader {
    fn new(stream: RecvStream, sender: Role) -> Self {
        let state = RequestStream::new(sender, Limits::default());
        Self { stream, state, chunk: Bytes::new(), data: Bytes::new() }
    }

    /// The next piece of DATA; `None` at the end.
    pub(crate) async fn read(&mut self) -> io::Result<Option<Bytes>> {
        match self.next().await? {
            Some(StreamEvent::Data(_)) => Ok(Some(std::mem::take(&mut self.data))),
            Some(_) => Err(io::ErrorKind::InvalidData.into()),
            None => Ok(None),
        }
    }

    async fn next(&mut self) -> io::Result<Option<StreamEvent>> {
        loop {
            let handled = self.state.handle_input(&self.chunk).map_err(io::Error::other)?;
            if let Some(StreamEvent::Data(range)) = &handled.event {
                self.data = self.chunk.slice(range.clone());
            }
            self.chunk.advance(handled.consumed);
            if handled.event.is_some() {
                return Ok(handled.event);
            }
            match self.stream.read_chunk(usize::MAX, true).await? {
                Some(chunk) => self.chunk = chunk.bytes,
                None => return self.state.handle_end().map(|()| None).map_err(io::Error::other),
            }
        }
    }
}

/// Sends this as one DATA frame.
pub(crate) async fn write(stream: &mut SendStream, bytes: Bytes) -> io::Result<()> {
    let header = FrameHeader { frame_type: FrameType::DATA, payload_len: bytes.len() as u64 };
    stream.write_all(&header.encode()).await?;
    Ok(stream.write_chunk(bytes).await?)
}

pub(crate) fn reset(stream: &mut SendStream) {
    let code = VarInt::from_u64(ErrorCode::REQUEST_CANCELLED.value()).unwrap_or_default();
    let _ = stream.reset(code);
}
