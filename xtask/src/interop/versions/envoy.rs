//! Envoy, from the Python package that brings its program. It has one listener for each way through it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::bench::{Bench, Peer, Route};
use crate::error::Error;
use crate::interop::python;
use crate::process::Task;
use crate::ready;

pub(super) fn start_http2(bench: &Bench<'_>) -> Result<Peer, Error> {
    let envoy = python::http_environment(bench.workspace)?.with_file_name("envoy");
    let [plain, secure] = [ready::free_address()?, ready::free_address()?];
    let configuration = json!({ "static_resources": {
        "listeners": [listener("plain", plain), listener("secure", secure)],
        "clusters": [cluster("plain", bench.plain, None), cluster("secure", bench.secure, Some(tls(bench)))],
    } });
    let settings = bench.settings("envoy.json", &format!("{configuration:#}"))?;
    let task = Task::new(envoy).arg("-c").arg(settings).args(["--disable-hot-restart", "--concurrency", "1"]);
    let route = |name: &str, address| Route {
        name: format!("Envoy, from HTTP/1.1 to HTTP/2{name}"),
        url: format!("ws://{address}"),
        arguments: vec!["--behind", "HTTP/2.0"],
    };
    let routes = vec![route("", plain), route(" over TLS", secure)];
    Ok(Peer { routes, _running: bench.run("envoy", task, secure)? })
}

/// A listener that hands everything to the cluster of that name.
fn listener(cluster: &str, address: SocketAddr) -> Value {
    let manager = json!({
        "@type": format!("{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": cluster,
        "upgrade_configs": [{ "upgrade_type": "websocket" }],
        // How long it waits for a client of HTTP/1.1 to hang up first. Ours leaves that to the server.
        "delayed_close_timeout": "0.01s",
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [
            { "match": { "connect_matcher": {} }, "route": { "cluster": cluster } },
            { "match": { "prefix": "/" }, "route": { "cluster": cluster, "timeout": "0s" } },
        ] }] },
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": format!("{TYPES}.filters.http.router.v3.Router") },
        }],
    });
    json!({
        "name": cluster,
        "address": socket_address("TCP", address),
        "filter_chains": [{ "filters": [
            { "name": "envoy.filters.network.http_connection_manager", "typed_config": manager },
        ] }],
    })
}

/// A server over HTTP/2.
fn cluster(name: &str, address: SocketAddr, tls: Option<Value>) -> Value {
    let mut cluster = json!({
        "name": name,
        "connect_timeout": "3s",
        "type": "STATIC",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [
            { "endpoint": { "address": socket_address("TCP", address) } },
        ] }] },
        "typed_extension_protocol_options": { OPTIONS: {
            "@type": format!("type.googleapis.com/{OPTIONS}"),
            "explicit_http_config": { "http2_protocol_options": { "allow_connect": true } },
        } },
    });
    if let Some(tls) = tls {
        cluster["transport_socket"] = tls;
    }
    cluster
}

/// TLS with our server.
fn tls(bench: &Bench<'_>) -> Value {
    let trusted = json!({ "filename": bench.certificates.path("authority.pem") });
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("{TYPES}.transport_sockets.tls.v3.UpstreamTlsContext"),
            "sni": "localhost",
            "common_tls_context": { "validation_context": { "trusted_ca": trusted } },
        },
    })
}

fn socket_address(protocol: &str, address: SocketAddr) -> Value {
    let (ip, port) = (address.ip(), address.port());
    json!({ "socket_address": { "protocol": protocol, "address": ip, "port_value": port } })
}

const TYPES: &str = "type.googleapis.com/envoy.extensions";
const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
