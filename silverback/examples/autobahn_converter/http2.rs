//! The side of the endpoint under test: HTTP/2 without TLS, on the crate h2.

use bytes::Bytes;
use h2::{
    RecvStream,
    client::{self, SendRequest},
    ext::Protocol,
    server::{self, SendResponse},
};
use http::{Request, Response};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use crate::{
    AnyError, convert, handshake, http1,
    side::{Reader, Side, Writer},
};

/// Opens WebSockets on one connection to the endpoint.
pub(crate) struct Client {
    target: String,
    /// Empty before the first WebSocket.
    sender: Mutex<Option<SendRequest<Bytes>>>,
}

impl Client {
    pub(crate) fn new(target: &str) -> Self {
        Self { target: target.to_owned(), sender: Mutex::new(None) }
    }

    pub(crate) async fn open(&self, upgrade: &Request<()>) -> Result<(Response<()>, Side), AnyError> {
        let mut sender = self.sender().await?;
        let mut request = handshake::connect(upgrade, "http", &self.target)?;
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let (response, writer) = sender.send_request(request, false)?;
        let (response, reader) = response.await?.into_parts();
        Ok((Response::from_parts(response, ()), (Reader::Http2(reader), Writer::Http2(writer))))
    }

    async fn sender(&self) -> Result<SendRequest<Bytes>, AnyError> {
        let mut sender = self.sender.lock().await;
        if sender.is_none() {
            let stream = TcpStream::connect(&self.target).await?;
            stream.set_nodelay(true)?;
            let mut builder = client::Builder::new();
            builder.initial_window_size(WINDOW).initial_connection_window_size(16 * WINDOW);
            let (opened, connection) = builder.handshake(stream).await?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    eprintln!("the connection has ended: {error}");
                }
            });
            *sender = Some(opened);
        }
        let opened = sender.clone().ok_or("no connection")?.ready().await?;
        while !opened.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
        }
        Ok(opened)
    }
}

/// Converts what the endpoint opens.
pub(crate) async fn serve(target: &str) -> Result<(), AnyError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let target = target.to_owned();
        tokio::spawn(async move {
            if let Err(error) = serve_connection(stream, target).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn serve_connection(stream: TcpStream, target: String) -> Result<(), AnyError> {
    stream.set_nodelay(true)?;
    let mut builder = server::Builder::new();
    builder.enable_connect_protocol().initial_window_size(WINDOW).initial_connection_window_size(16 * WINDOW);
    let mut connection = builder.handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        let target = target.clone();
        tokio::spawn(async move {
            if let Err(error) = serve_one(request, respond, &target).await {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

async fn serve_one(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    target: &str,
) -> Result<(), AnyError> {
    let (head, reader) = request.into_parts();
    let upgrade = handshake::upgrade(&Request::from_parts(head, ()), target)?;
    let (response, other) = http1::open(target, &upgrade).await?;
    let writer = respond.send_response(handshake::success(&response), false)?;
    convert((Reader::Http2(reader), Writer::Http2(writer)), other).await;
    Ok(())
}

const WINDOW: u32 = 1024 * 1024;
