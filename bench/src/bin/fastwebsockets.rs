//! fastwebsockets: the loop from its echo server. It writes each frame separately. In the style `best` it gets a
//! stream that gathers writes and sends them when there is nothing to read.

use fastwebsockets::{FragmentCollector, OpCode, WebSocket, WebSocketError, upgrade};
use http_body_util::Empty;
use hyper::{
    Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn, upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use silverback_bench::{
    Failure, Options,
    gathering::Gathering,
    options::{MAX_MESSAGE_SIZE, Style},
    serve,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::unconstrained,
};

fn main() {
    let options = Options::parse();
    serve(&options, |stream| connection(stream, options.style));
}

async fn connection(stream: TcpStream, style: Style) -> Result<(), Failure> {
    let answer = |mut request: Request<Incoming>| async move {
        let (response, upgrade) = upgrade::upgrade(&mut request)?;
        tokio::spawn(unconstrained(upgraded(upgrade, style)));
        Ok::<Response<Empty<Bytes>>, WebSocketError>(response)
    };
    let http = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    Ok(http.with_upgrades().await?)
}

async fn upgraded(upgrade: upgrade::UpgradeFut, style: Style) -> Result<(), Failure> {
    let socket = upgrade.await?;
    match style {
        Style::Best => {
            let stream: TokioIo<Upgraded> = socket.into_inner();
            echo(WebSocket::after_handshake(Gathering::new(stream), fastwebsockets::Role::Server)).await
        }
        _ => echo(socket).await,
    }
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocket<S>) -> Result<(), Failure> {
    socket.set_max_message_size(MAX_MESSAGE_SIZE);
    let mut socket = FragmentCollector::new(socket);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}
