//! hypercorn, a server of Python for ASGI, over HTTP/2 and, with aioquic, HTTP/3.

use super::bench::{Bench, Peer, Route};
use crate::error::Error;
use crate::interop::{python, scripts};
use crate::process::Task;
use crate::ready;

pub(super) fn start_http2(bench: &Bench<'_>) -> Result<Peer, Error> {
    start(bench, "2 over TLS")
}

fn start(bench: &Bench<'_>, over: &'static str) -> Result<Peer, Error> {
    let python = python::http_environment(bench.workspace)?;
    let address = ready::free_address()?;
    let [certificate, key] = bench.papers();
    let task = Task::new(python)
        .args(["-m", "hypercorn", "--certfile", &certificate, "--keyfile", &key])
        .args(["--bind", &address.to_string(), "--quic-bind", &address.to_string(), "hypercorn_app:app"])
        .current_dir(&scripts(bench.workspace).join("python"));
    let route = Route::to("hypercorn", over, format!("wss://localhost:{}", address.port()))
        // Data on a stream that it has closed, such as our Close frame, ends its whole connection with a KeyError.
        .with("--closing", "alone")
        // To its application every end is 1006.
        .with("--hears", "1006")
        // An application cannot end a WebSocket without a Close frame, nor leave one unread: hypercorn reads ahead.
        .with("--without", "abort")
        .with("--without", "unread")
        // It waits for the application of one WebSocket before it reads the next frame of the connection.
        .with("--without", "ten");
    Ok(Peer { routes: vec![route], _running: bench.run("hypercorn", task, address)? })
}
