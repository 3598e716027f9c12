//! HAProxy. `proto h2` or ALPN make it speak HTTP/2 to a server, and `ws h2` WebSockets too.

use super::bench::{Bench, Peer, Route, free_addresses};
use crate::error::Error;
use crate::process::Task;
use crate::tools;

pub(super) fn start(bench: &Bench<'_>) -> Result<Peer, Error> {
    let haproxy = tools::from_debian(&["haproxy"], &["haproxy"])?;
    let [upgrades, upgrades_for_tls, prior, secure, downgrades] = free_addresses()?;
    let authority = bench.certificates.path("authority.pem");
    let certificate = bench.certificates.path("server-both.pem");
    let (to_plain, to_secure) = (bench.plain, bench.secure);
    let text = format!(
        "global\n  maxconn 256\n\
         defaults\n  mode http\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n  \
         timeout tunnel 600s\n\
         frontend upgrades\n  bind {upgrades}\n  default_backend plain\n\
         frontend upgrades_for_tls\n  bind {upgrades_for_tls}\n  default_backend secure\n\
         frontend prior\n  bind {prior} proto h2\n  default_backend plain\n\
         frontend secure\n  bind {secure} ssl crt {certificate} alpn h2\n  default_backend secure\n\
         frontend downgrades\n  bind {downgrades} ssl crt {certificate} alpn h2\n  default_backend http1\n\
         backend plain\n  server it {to_plain} proto h2 ws h2\n\
         backend secure\n  server it {to_secure} alpn h2 ws h2 ssl verify required ca-file {authority} \
         sni str(localhost) verifyhost localhost\n\
         backend http1\n  server it {to_plain}\n"
    );
    let settings = bench.settings("haproxy.cfg", &text)?;
    let task = Task::new(haproxy).arg("-db").arg("-f").arg(&settings);
    let route = |from, to, url| Route::through("HAProxy", from, to, url);
    let routes = vec![
        route("1.1", "2", format!("ws://{upgrades}")),
        route("1.1", "2 over TLS", format!("ws://{upgrades_for_tls}")),
        stalls(route("2", "2", format!("ws://{prior}"))),
        stalls(route("2 over TLS", "2 over TLS", format!("wss://localhost:{}", secure.port()))),
        route("2 over TLS", "1.1", format!("wss://localhost:{}", downgrades.port())),
    ];
    Ok(Peer { routes, _running: bench.run("haproxy", task, downgrades)? })
}

/// Between two connections of HTTP/2, one WebSocket that is not read stops the others. HAProxy knows: its mux `h2` has the
/// flag `HOL_RISK`.
fn stalls(route: Route) -> Route {
    route.with("--without", "ten").with("--without", "unread")
}
