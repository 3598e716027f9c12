//! Interop tests over HTTP/2 and HTTP/3. Our client and our server talk to other implementations, and through proxies
//! that speak one version of HTTP on each side.

mod aioquic;
mod bench;
mod browsers;
mod caddy;
mod envoy;
mod haproxy;
mod hypercorn;
mod nghttpx;
mod node;
mod program;

use self::bench::{Bench, Route};
use crate::error::Verdict;
use crate::workspace::Workspace;

/// HAProxy, nghttpx and Envoy.
pub(crate) fn http2_proxies(workspace: &Workspace) -> Verdict {
    let bench = Bench::start(workspace, "http2-proxies")?;
    bench.talk(&Route::direct("2", format!("ws://{}", bench.plain)))?;
    bench.talk(&Route::direct("2 over TLS", bench.secure_url()))?;
    for start in [haproxy::start, nghttpx::start, envoy::start_http2] {
        let proxy = start(&bench)?;
        for route in &proxy.routes {
            bench.talk(route)?;
        }
    }
    bench.verdict()
}

/// hypercorn and node.
pub(crate) fn http2_peers(workspace: &Workspace) -> Verdict {
    let bench = Bench::start(workspace, "http2-peers")?;
    node::client(&bench)?;
    for start in [node::server, hypercorn::start_http2] {
        let server = start(&bench)?;
        for route in &server.routes {
            bench.talk(route)?;
        }
    }
    bench.verdict()
}

/// aioquic, Envoy, Caddy and hypercorn.
pub(crate) fn http3_peers(workspace: &Workspace) -> Verdict {
    let bench = Bench::start(workspace, "http3-peers")?;
    aioquic::client(&bench)?;
    bench.talk(&Route::direct("3", bench.secure_url()))?;
    hypercorn::check_http3(&bench)?;
    for start in [caddy::start, envoy::start_http3] {
        let peer = start(&bench)?;
        for route in &peer.routes {
            bench.talk(route)?;
        }
    }
    bench.verdict()
}

/// The program, in both roles.
pub(crate) fn connect(workspace: &Workspace) -> Verdict {
    let bench = Bench::start(workspace, "connect-http")?;
    program::connect(&bench)?;
    bench.verdict()
}

/// Pages in Chromium and Firefox.
pub(crate) fn browsers(workspace: &Workspace) -> Verdict {
    let bench = Bench::start(workspace, "browsers-http")?;
    browsers::chromium(&bench, "HTTP/2.0")?;
    browsers::chromium(&bench, "HTTP/3.0")?;
    browsers::firefox(&bench)?;
    bench.verdict()
}
