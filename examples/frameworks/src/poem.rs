//! poem: its request becomes one of the crate `http`, and its upgrade is a stream of tokio.

use std::io;

use poem::endpoint::make_sync;
use poem::listener::TcpAcceptor;
use poem::{Request, Response, Route, Server, get};
use silverback::Upgrader;
use tokio::net::TcpListener;

/// Serves `/echo` until the listener fails.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let upgrader = Upgrader::new();
    let app = Route::new().at("/echo", get(make_sync(move |request| upgrade(&upgrader, request))));
    Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?).run(app).await
}

fn upgrade(upgrader: &Upgrader, request: Request) -> poem::Result<Response> {
    let on_upgrade = request.take_upgrade()?;
    let response: http::Response<String> = match upgrader.respond(&http::Request::from(request)) {
        Err(error) => error.response(),
        Ok((response, negotiated)) => {
            let upgrader = upgrader.clone();
            tokio::spawn(async move {
                let stream = on_upgrade.await.map_err(io::Error::other)?;
                crate::echo(upgrader.conn(stream, negotiated, [])).await
            });
            response
        }
    };
    let (head, body) = response.into_parts();
    let mut response = Response::from((head.status, body));
    *response.headers_mut() = head.headers;
    Ok(response)
}
