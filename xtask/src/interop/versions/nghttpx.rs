//! nghttpx, the proxy of nghttp2. `proto=h2` makes it speak HTTP/2 to a server.

use std::net::SocketAddr;

use super::bench::{Bench, Peer, Route};
use crate::error::Error;
use crate::process::Task;
use crate::ready;
use crate::tools;

pub(super) fn start(bench: &Bench<'_>) -> Result<Peer, Error> {
    let nghttpx = tools::from_debian(&["nghttpx"], &["nghttp2-proxy"])?;
    let address = ready::free_address()?;
    let words = |address: SocketAddr| format!("{},{}", address.ip(), address.port());
    // It chooses the server by the host that the client asks for.
    let text = format!(
        "frontend={};no-tls\nworkers=1\ncacert={}\n\
         backend={};localhost/;proto=h2;tls;sni=localhost\nbackend={};;proto=h2\n",
        words(address),
        bench.certificates.path("authority.pem"),
        words(bench.secure),
        words(bench.plain),
    );
    let settings = bench.settings("nghttpx.conf", &text)?;
    let task = Task::new(nghttpx).arg(format!("--conf={}", settings.display()));
    let route = |name: &str, host: &str| Route {
        name: format!("nghttpx, from HTTP/1.1 to HTTP/2{name}"),
        url: format!("ws://{host}:{}", address.port()),
        arguments: vec!["--behind", "HTTP/2.0"],
    };
    let routes = vec![route("", "127.0.0.1"), route(" over TLS", "localhost")];
    Ok(Peer { routes, _running: bench.run("nghttpx", task, address)? })
}
