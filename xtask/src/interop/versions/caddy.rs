//! Caddy, from the Python package that brings its program: a server over HTTP/3 before ours over HTTP/1.1.

use super::bench::{Bench, Peer, Route};
use crate::error::Error;
use crate::interop::python;
use crate::process::Task;
use crate::ready;

pub(super) fn start(bench: &Bench<'_>) -> Result<Peer, Error> {
    let caddy = python::http_environment(bench.workspace)?.with_file_name("caddy");
    let address = ready::free_address()?;
    let [certificate, key] = bench.certificates.papers();
    let (port, folder, to) = (address.port(), bench.certificates.folder.display(), bench.plain);
    let text = format!(
        "{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}/caddy\n\
         \tservers {{\n\t\tprotocols h1 h2 h3\n\t}}\n}}\n\
         https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}\n\treverse_proxy {to}\n}}\n"
    );
    let settings = bench.settings("Caddyfile", &text)?;
    let task = Task::new(caddy).args(["run", "--adapter", "caddyfile", "--config"]).arg(settings);
    let route = Route::through("Caddy", "3", "1.1", format!("wss://localhost:{port}"));
    Ok(Peer { routes: vec![route], _running: bench.run("caddy", task, address)? })
}
