//! warp: filters extract the parts of the request and hyper's upgrade.

use std::io;

use http::{HeaderMap, Method, Response, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use silverback::proto::handshake::ServerHandshake;
use silverback::{UpgradeError, Upgrader};
use tokio::net::TcpListener;
use warp::Filter as _;

/// Serves `/echo` until the listener fails.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let upgrader = Upgrader::new();
    let parts = warp::method().and(warp::header::headers_cloned()).and(warp::ext::get::<OnUpgrade>());
    let echo = warp::path!("echo").and(parts).map(move |method, headers, on_upgrade| {
        upgrade(&upgrader, &method, &headers, on_upgrade).unwrap_or_else(|error| error.response())
    });
    warp::serve(echo).incoming(listener).run().await;
    Ok(())
}

fn upgrade(
    upgrader: &Upgrader,
    method: &Method,
    headers: &HeaderMap,
    on_upgrade: OnUpgrade,
) -> Result<Response<String>, UpgradeError> {
    let handshake = ServerHandshake::read(method, Version::HTTP_11, headers)?;
    let (response, negotiated) = upgrader.respond_handshake(handshake)?;
    let upgrader = upgrader.clone();
    tokio::spawn(async move {
        let stream = TokioIo::new(on_upgrade.await.map_err(io::Error::other)?);
        crate::echo(upgrader.conn(stream, negotiated, [])).await
    });
    Ok(response)
}
