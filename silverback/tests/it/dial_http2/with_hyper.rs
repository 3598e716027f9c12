//! hyper's server, as frameworks run it.

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use silverback::{CloseCode, Compression, Error, Upgrader};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::network::network;
use crate::support::{echo, within};

async fn upgrade(
    mut request: Request<Incoming>,
    ends: UnboundedSender<Result<(), Error>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/missing" {
        return Ok(Response::builder().status(404).body(Full::from("Not here.")).unwrap());
    }
    let upgrader = Upgrader::new().compression(Compression::default());
    Ok(match upgrader.upgrade(&mut request) {
        Ok((response, upgrade)) => {
            tokio::spawn(async move {
                let _ = ends.send(echo(upgrade.await.unwrap()).await);
            });
            response
        }
        Err(error) => error.response().map(Full::from),
    })
}

#[tokio::test]
async fn it_echoes_refuses_and_sees_how_each_websocket_ends() {
    let (dialer, mut connections) = network();
    let (ended, mut ends) = unbounded_channel();
    tokio::spawn(async move {
        let stream = connections.next().await;
        let service = service_fn(move |request| upgrade(request, ended.clone()));
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let _ = builder.enable_connect_protocol().serve_connection(TokioIo::new(stream), service).await;
    });
    let dialer = dialer.compression(Compression::default());
    let session = within(dialer.connect("ws://server.example")).await.unwrap();
    let mut conn = within(session.dial("/ws")).await.unwrap();
    let large = "hello, hyper. ".repeat(200_000);
    conn.write_message(large.clone()).await.unwrap();
    assert!(within(conn.read_message()).await.unwrap() == Some(large.into()));
    within(conn.close(1000, "")).await.unwrap();
    assert_eq!(conn.close_info().map(|info| info.code), Some(CloseCode::NORMAL));
    within(ends.recv()).await.unwrap().unwrap();
    let refused = within(session.dial("/missing")).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().body, b"Not here.");
    let mut closed_by_us = within(session.dial("/ws")).await.unwrap();
    closed_by_us.write_message("last").await.unwrap();
    within(closed_by_us.read_message()).await.unwrap();
    drop(closed_by_us);
    // An abnormal end is one there too.
    within(ends.recv()).await.unwrap().unwrap_err();
}
