//! nghttpx, the proxy of nghttp2. `proto=h2` makes it speak HTTP/2 to a server.

use std::net::SocketAddr;

use super::bench::{Bench, Peer, Route, free_addresses};
use crate::error::Error;
use crate::process::Task;
use crate::tools;

pub(super) fn start(bench: &Bench<'_>) -> Result<Peer, Error> {
    let nghttpx = tools::from_debian(&["nghttpx"], &["nghttp2-proxy"])?;
    let [plain, secure] = free_addresses()?;
    let words = |address: SocketAddr| format!("{},{}", address.ip(), address.port());
    // Its windows for a stream and for a connection have the same size by default, so that one WebSocket that is not read
    // would stop the others. It chooses the server by the host that the client asks for.
    let text = format!(
        "frontend={};no-tls\nfrontend={}\nworkers=1\nno-ocsp=yes\ncacert={}\n\
         frontend-http2-connection-window-size=16M\n\
         backend={};localhost/;proto=h2;tls;sni=localhost\nbackend={};;proto=h2\n",
        words(plain),
        words(secure),
        bench.certificates.path("authority.pem"),
        words(bench.secure),
        words(bench.plain),
    );
    let settings = bench.settings("nghttpx.conf", &text)?;
    let [certificate, key] = bench.certificates.papers();
    let task = Task::new(nghttpx).arg(format!("--conf={}", settings.display())).args([key, certificate]);
    let route = |from, to, url| Route::through("nghttpx", from, to, url);
    let routes = vec![
        route("1.1", "2", format!("ws://{plain}")),
        route("1.1", "2 over TLS", format!("ws://localhost:{}", plain.port())),
        route("2", "2", format!("ws://{plain}")),
        route("2 over TLS", "2 over TLS", format!("wss://localhost:{}", secure.port())),
    ];
    Ok(Peer { routes, _running: bench.run("nghttpx", task, secure)? })
}
