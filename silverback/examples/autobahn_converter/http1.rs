//! The side of the suite: HTTP/1.1 on TCP.

use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use http::{Request, Response};
use silverback::proto::handshake::http1::{
    HeadReader, Progress, encode_request, encode_response, encode_response_head, parse_request, parse_response,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    AnyError, convert, handshake, http2, http3,
    side::{self, Side},
};

/// Opens WebSockets at the endpoint under test.
pub(crate) enum Client {
    Http2(http2::Client),
    Http3(http3::Client),
}

/// Converts what the suite dials.
pub(crate) async fn serve(client: Client) -> Result<(), AnyError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addr()?);
    let client = Arc::new(client);
    loop {
        let (stream, _) = listener.accept().await?;
        let client = client.clone();
        tokio::spawn(async move {
            if let Err(error) = serve_one(stream, &client).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn serve_one(mut stream: TcpStream, client: &Client) -> Result<(), AnyError> {
    stream.set_nodelay(true)?;
    let (head, leftover) = read_head(&mut stream).await?;
    let request = parse_request(&head)?;
    let (response, other) = match client {
        Client::Http2(client) => client.open(&request).await?,
        Client::Http3(client) => client.open(&request).await?,
    };
    let response = handshake::switching(&response, &request);
    stream.write_all(&encode(&response)).await?;
    convert(side::http1(stream, leftover), other).await;
    Ok(())
}

/// Asks the suite's server.
pub(crate) async fn open(target: &str, request: &Request<()>) -> Result<(Response<()>, Side), AnyError> {
    let mut stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&encode_request(request)).await?;
    let (head, leftover) = read_head(&mut stream).await?;
    Ok((parse_response(&head)?, side::http1(stream, leftover)))
}

async fn read_head(stream: &mut TcpStream) -> Result<(Vec<u8>, BytesMut), AnyError> {
    let mut reader = HeadReader::new(16 * 1024);
    let mut input = BytesMut::new();
    loop {
        if stream.read_buf(&mut input).await? == 0 {
            return Err("an end before the handshake".into());
        }
        match reader.handle_input(&input)? {
            Progress::Complete { consumed } => {
                input.advance(consumed);
                return Ok((reader.head().to_vec(), input));
            }
            Progress::NeedMore => input.clear(),
        }
    }
}

fn encode(response: &Response<()>) -> Vec<u8> {
    match response.status().is_informational() {
        true => encode_response_head(response),
        false => encode_response(&response.clone().map(|()| "")),
    }
}
