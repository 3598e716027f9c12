//! HAProxy. `proto h2` or ALPN make it speak HTTP/2 to a server, and `ws h2` WebSockets too.

use super::bench::{Bench, Peer, Route};
use crate::error::Error;
use crate::process::Task;
use crate::ready;
use crate::tools;

pub(super) fn start(bench: &Bench<'_>) -> Result<Peer, Error> {
    let haproxy = tools::from_debian(&["haproxy"], &["haproxy"])?;
    let [plain, secure] = [ready::free_address()?, ready::free_address()?];
    let authority = bench.certificates.path("authority.pem");
    let (to_plain, to_secure) = (bench.plain, bench.secure);
    let text = format!(
        "global\n  maxconn 256\n\
         defaults\n  mode http\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n  \
         timeout tunnel 600s\n\
         frontend plain\n  bind {plain}\n  default_backend plain\n\
         frontend secure\n  bind {secure}\n  default_backend secure\n\
         backend plain\n  server it {to_plain} proto h2 ws h2\n\
         backend secure\n  server it {to_secure} alpn h2 ws h2 ssl verify required ca-file {authority} \
         sni str(localhost) verifyhost localhost\n"
    );
    let settings = bench.settings("haproxy.cfg", &text)?;
    let task = Task::new(haproxy).arg("-db").arg("-f").arg(&settings);
    let route = |name: &str, address| Route {
        name: format!("HAProxy, from HTTP/1.1 to HTTP/2{name}"),
        url: format!("ws://{address}"),
        arguments: vec!["--behind", "HTTP/2.0"],
    };
    let routes = vec![route("", plain), route(" over TLS", secure)];
    Ok(Peer { routes, _running: bench.run("haproxy", task, secure)? })
}
