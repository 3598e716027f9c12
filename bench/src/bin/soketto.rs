//! soketto: the loop and the buffers of its own server for the Autobahn suite. The style `best` has larger buffers, a
//! stream that gathers writes in place of a flush for each message.

use std::str;

use futures_util::io::{AsyncRead, AsyncWrite, BufReader, BufWriter};
use silverback_bench::{
    Failure, Options,
    gathering::Gathering,
    options::{MAX_MESSAGE_SIZE, Style},
    serve,
};
use soketto::{
    Data,
    connection::Error,
    handshake::{Server, server::Response},
};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncReadCompatExt as _;

fn main() {
    let options = Options::parse();
    serve(&options, |stream| connection(stream, options.style));
}

async fn connection(stream: TcpStream, style: Style) -> Result<(), Failure> {
    match style {
        Style::Best => echo(BufReader::with_capacity(64 * 1024, Gathering::new(stream).compat()), false).await,
        _ => echo(BufReader::new(BufWriter::new(stream.compat())), true).await,
    }
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: S, flushes: bool) -> Result<(), Failure> {
    let mut server = Server::new(stream);
    let key = server.receive_request().await?.key();
    server.send_response(&Response::Accept { key, protocol: None }).await?;
    let mut builder = server.into_builder();
    builder.set_max_message_size(MAX_MESSAGE_SIZE);
    builder.set_max_frame_size(MAX_MESSAGE_SIZE);
    let (mut sender, mut receiver) = builder.finish();
    let mut message = Vec::new();
    loop {
        message.clear();
        match receiver.receive_data(&mut message).await {
            Ok(Data::Binary(_)) => sender.send_binary_mut(&mut message).await?,
            // The library leaves the check to the application.
            Ok(Data::Text(_)) => sender.send_text(str::from_utf8(&message)?).await?,
            Err(Error::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if flushes {
            sender.flush().await?;
        }
    }
}
