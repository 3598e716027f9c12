//! salvo: it has its own request type, and hyper's upgrade is among its extensions.

use std::io;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use salvo::conn::tcp::TcpAcceptor;
use salvo::{Request, Response, Router, Server, handler};
use silverback::proto::handshake::ServerHandshake;
use silverback::{UpgradeError, Upgrader};
use tokio::net::TcpListener;

/// Serves `/echo` until the listener fails.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let router = Router::with_path("echo").get(Echo(Upgrader::new()));
    Server::new(TcpAcceptor::try_from(listener)?).try_serve(router).await
}

struct Echo(Upgrader);

#[handler]
impl Echo {
    async fn handle(&self, request: &mut Request, response: &mut Response) {
        let answer = upgrade(&self.0, request).unwrap_or_else(|error| error.response());
        response.merge_hyper(answer);
    }
}

fn upgrade(upgrader: &Upgrader, request: &mut Request) -> Result<http::Response<String>, UpgradeError> {
    let handshake = ServerHandshake::read(request.method(), request.version(), request.headers())?;
    let on_upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(UpgradeError::NotUpgradable)?;
    let (response, negotiated) = upgrader.respond_handshake(handshake)?;
    let upgrader = upgrader.clone();
    tokio::spawn(async move {
        let stream = TokioIo::new(on_upgrade.await.map_err(io::Error::other)?);
        crate::echo(upgrader.conn(stream, negotiated, [])).await
    });
    Ok(response)
}
