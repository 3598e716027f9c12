//! hypercorn, a server of Python for ASGI, over HTTP/2 and, with aioquic, HTTP/3.

use std::net::SocketAddr;

use super::bench::{Bench, Peer, Route};
use crate::error::Error;
use crate::interop::{python, scripts};
use crate::process::{Running, Task};
use crate::ready;

pub(super) fn start_http2(bench: &Bench<'_>) -> Result<Peer, Error> {
    let (address, _running) = run(bench)?;
    let route = route("2 over TLS", address)
        // Data on a stream that it has closed, such as our Close frame, ends its whole connection with a KeyError.
        .with("--closing", "ours")
        // To its application every end is 1006.
        .with("--hears", "1006")
        // An application cannot end a WebSocket without a Close frame, nor leave one unread: hypercorn reads ahead.
        .with("--without", "abort")
        .with("--without", "unread")
        // It waits for the application of one WebSocket before it reads the next frame of the connection.
        .with("--without", "ten");
    Ok(Peer { routes: vec![route], _running })
}

/// Over HTTP/3 a KeyError ends its whole service when the first client ends its stream, so each check has another one.
pub(super) fn check_http3(bench: &Bench<'_>) -> Result<(), Error> {
    for check in ["version", "echo", "large", "deflate"] {
        let (address, _running) = run(bench)?;
        let route = route("3", address).with("--closing", "ours").with("--hears", "nothing");
        bench.talk(&route.with("--only", check))?;
    }
    Ok(())
}

fn route(over: &'static str, address: SocketAddr) -> Route {
    Route::to("hypercorn", over, format!("wss://localhost:{}", address.port()))
}

fn run(bench: &Bench<'_>) -> Result<(SocketAddr, Running), Error> {
    let python = python::http_environment(bench.workspace)?;
    let address = ready::free_address()?;
    let [certificate, key] = bench.certificates.papers();
    let task = Task::new(python)
        .args(["-m", "hypercorn", "--certfile", &certificate, "--keyfile", &key])
        .args(["--bind", &address.to_string(), "--quic-bind", &address.to_string(), "hypercorn_app:app"])
        .current_dir(&scripts(bench.workspace).join("python"));
    Ok((address, bench.run("hypercorn", task, address)?))
}
