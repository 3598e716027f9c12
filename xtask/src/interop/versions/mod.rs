//! Interop tests over HTTP/2 and HTTP/3. Our client and our server talk to other implementations, and through proxies
//! that speak one version of HTTP on each side.

mod bench;
mod envoy;
mod haproxy;
mod nghttpx;

use self::bench::{Bench, Route};
use crate::error::Verdict;
use crate::workspace::Workspace;

/// HAProxy, nghttpx and Envoy.
pub(crate) fn http2_proxies(workspace: &Workspace) -> Verdict {
    let bench = Bench::start(workspace, "http2-proxies")?;
    bench.talk(&Route::direct("2", format!("ws://{}", bench.plain)))?;
    bench.talk(&Route::direct("2 over TLS", format!("wss://localhost:{}", bench.secure.port())))?;
    for start in [haproxy::start, nghttpx::start, envoy::start_http2] {
        let proxy = start(&bench)?;
        for route in &proxy.routes {
            bench.talk(route)?;
        }
    }
    bench.verdict()
}
