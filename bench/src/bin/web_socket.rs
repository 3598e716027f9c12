//! web-socket: the loop of its own server for the Autobahn suite, which reads through a `BufReader`. The handshake is the
//! application's. The style `best` has a stream that gathers writes.

use std::str;

use data_encoding::BASE64;
use sha1_smol::Sha1;
use silverback_bench::{
    Failure, Options,
    gathering::Gathering,
    options::{MAX_MESSAGE_SIZE, Style},
    serve,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use web_socket::{CloseCode, DataType, Event, Frame, MessageType, Stream, WebSocket};

fn main() {
    let options = Options::parse();
    serve(&options, |stream| connection(stream, options.style));
}

async fn connection(stream: TcpStream, style: Style) -> Result<(), Failure> {
    match style {
        Style::Best => echo(BufReader::with_capacity(64 * 1024, Gathering::new(stream))).await,
        _ => echo(BufReader::new(stream)).await,
    }
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut stream: BufReader<S>) -> Result<(), Failure> {
    handshake(&mut stream).await?;
    let mut socket = WebSocket::server(stream);
    socket.max_payload_len = MAX_MESSAGE_SIZE;
    let mut joined = Vec::new();
    loop {
        match socket.recv().await? {
            Event::Data { ty: DataType::Complete(kind), data } => send(&mut socket, kind, &data).await?,
            Event::Data { ty: DataType::Stream(part), data } => {
                joined.extend_from_slice(&data);
                if let Stream::End(kind) = part {
                    send(&mut socket, kind, &joined).await?;
                    joined.clear();
                }
            }
            Event::Ping(payload) => socket.send_pong(payload).await?,
            Event::Pong(_) => {}
            Event::Error(_) => return Ok(socket.close(CloseCode::ProtocolError).await?),
            Event::Close { .. } => return Ok(socket.close(()).await?),
        }
    }
}

/// The library leaves the check of the text to the application.
async fn send<S>(socket: &mut WebSocket<BufReader<S>>, kind: MessageType, data: &[u8]) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = if kind.is_text() { Frame::from(str::from_utf8(data)?) } else { Frame::from(data) };
    Ok(socket.send(frame).await?)
}

async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> Result<(), Failure> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err("the request is incomplete".into());
        }
    }
    let named = head.lines().filter_map(|line| line.split_once(':'));
    let key = named.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")).map(|(_, key)| key.trim());
    let key = key.last().ok_or("the request has no key")?;
    let digest = Sha1::from(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")).digest().bytes();
    let accept = BASE64.encode(&digest);
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(response.as_bytes()).await?;
    Ok(stream.flush().await?)
}
