//! yawc behind hyper, like its example. The style `best` has the large buffers of yawc's own benchmark and flushes once
//! per burst. UTF-8 validation is on, because the other libraries validate too; yawc's default is off. With the feature
//! `yawc-http2` it serves HTTP/2, with hyper's own settings, as its example does.

use bytes::Bytes;
use futures_util::SinkExt as _;
use http_body_util::Empty;
#[cfg(not(feature = "yawc-http2"))]
use hyper::server::conn::http1;
#[cfg(feature = "yawc-http2")]
use hyper::server::conn::http2;
use hyper::{Request, Response, body::Incoming, service::service_fn};
#[cfg(feature = "yawc-http2")]
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use silverback_bench::{
    Failure, Options,
    batching::next_or_flush,
    options::{Deflate, MAX_MESSAGE_SIZE, Style},
    serve,
};
use tokio::net::TcpStream;
use yawc::{CompressionLevel, DeflateOptions, Frame, HttpStream, OpCode, UpgradeFut, WebSocket};

fn main() {
    let options = Options::parse();
    let style = options.style;
    let settings = settings(&options);
    serve(&options, |stream| connection(stream, settings.clone(), style));
}

fn settings(options: &Options) -> yawc::Options {
    let limited = yawc::Options::default().with_utf8().with_no_delay().with_limits(MAX_MESSAGE_SIZE, MAX_MESSAGE_SIZE);
    let mut settings = match options.style {
        Style::Best => limited.with_read_buffer_capacity(128 * 1024).with_backpressure_boundary(64 * 1024),
        _ => limited,
    };
    settings.compression = options.deflate.map(compression);
    settings
}

/// Without further options this is the preset that the library calls balanced: level 6, takeover in both directions.
fn compression(wanted: Deflate) -> DeflateOptions {
    let mut deflate = DeflateOptions::balanced();
    if let Some(level) = wanted.level {
        deflate.level = CompressionLevel::new(level.into());
    }
    deflate.server_no_context_takeover = wanted.is_server_without_takeover();
    deflate.client_no_context_takeover = wanted.is_client_without_takeover();
    if wanted.no_context_takeover {
        deflate.pool = Some(yawc::DeflatePool::new(64));
    }
    #[cfg(feature = "yawc-zlib")]
    {
        deflate.server_max_window_bits = wanted.window_bits;
        deflate.client_max_window_bits = wanted.window_bits;
    }
    deflate
}

async fn connection(stream: TcpStream, settings: yawc::Options, style: Style) -> Result<(), Failure> {
    let upgrade = |mut request: Request<Incoming>| {
        let answer = WebSocket::upgrade_with_options(&mut request, settings.clone());
        async move {
            let (response, upgrade) = answer?;
            tokio::spawn(echo(upgrade, style));
            Ok::<Response<Empty<Bytes>>, yawc::WebSocketError>(response)
        }
    };
    let (stream, service) = (TokioIo::new(stream), service_fn(upgrade));
    #[cfg(not(feature = "yawc-http2"))]
    let http = http1::Builder::new().serve_connection(stream, service).with_upgrades();
    #[cfg(feature = "yawc-http2")]
    let http = http2::Builder::new(TokioExecutor::new()).enable_connect_protocol().serve_connection(stream, service);
    Ok(http.await?)
}

async fn echo(upgrade: UpgradeFut, style: Style) -> Result<(), Failure> {
    let socket = upgrade.await?;
    match style {
        Style::Best => echo_batches(socket).await,
        _ => echo_each(socket).await,
    }
}

async fn echo_each(mut socket: WebSocket<HttpStream>) -> Result<(), Failure> {
    loop {
        let frame = socket.next_frame().await?;
        if is_data(&frame) {
            socket.send(frame).await?;
        }
    }
}

async fn echo_batches(mut socket: WebSocket<HttpStream>) -> Result<(), Failure> {
    while let Some(frame) = next_or_flush(&mut socket).await {
        if is_data(&frame) {
            socket.feed(frame).await?;
        }
    }
    Ok(())
}

fn is_data(frame: &Frame) -> bool {
    matches!(frame.opcode(), OpCode::Text | OpCode::Binary)
}
