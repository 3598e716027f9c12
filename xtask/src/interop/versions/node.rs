//! The module http2 of node with `ws` on its streams, in both roles.

use std::path::PathBuf;

use super::bench::{Bench, Peer, Route};
use crate::error::Error;
use crate::interop::{LIMIT, node, scripts};
use crate::process::Task;

pub(super) fn client(bench: &Bench<'_>) -> Result<(), Error> {
    let authority = bench.certificates.path("authority.pem");
    for url in [format!("ws://{}", bench.plain), bench.secure_url()] {
        bench.listen(script(bench, "http2-client.mjs")?.args([&url, &authority]))?;
    }
    Ok(())
}

pub(super) fn server(bench: &Bench<'_>) -> Result<Peer, Error> {
    let mut running = script(bench, "http2-server.mjs")?.args(bench.certificates.papers()).start(&bench.log("node"))?;
    let url = running.wait_for_line("listening ", LIMIT)?;
    Ok(Peer { routes: vec![Route::to("node http2", "2 over TLS", url)], _running: running })
}

fn script(bench: &Bench<'_>, file: &str) -> Result<Task, Error> {
    let path: PathBuf = scripts(bench.workspace).join("node").join(file);
    Ok(Task::new(node::environment(bench.workspace)?).arg(path))
}
