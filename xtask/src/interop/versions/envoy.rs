//! Envoy, from the Python package that brings its program. It has one listener for each way through it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::bench::{Bench, Peer, Route, free_addresses};
use crate::error::Error;
use crate::interop::python;
use crate::process::{Running, Task};

pub(super) fn start_http2(bench: &Bench<'_>) -> Result<Peer, Error> {
    let [plain, upgrades, secure, downgrades] = free_addresses()?;
    let listeners = [
        listener("plain", plain, None),
        listener("secure", upgrades, None),
        listener("secure", secure, Some(server_tls(bench))),
        listener("http1", downgrades, Some(server_tls(bench))),
    ];
    let clusters = [
        cluster("plain", bench.plain, Some(HTTP2), None),
        cluster("secure", bench.secure, Some(HTTP2), Some(client_tls(bench))),
        cluster("http1", bench.plain, None, None),
    ];
    let route = |from, to, url| Route::through("Envoy", from, to, url);
    let routes = vec![
        route("1.1", "2", format!("ws://{plain}")),
        route("1.1", "2 over TLS", format!("ws://{upgrades}")),
        route("2", "2", format!("ws://{plain}")),
        route("2 over TLS", "2 over TLS", secure_url(secure)),
        // Its upgrade has no key, so our server must refuse it.
        route("2 over TLS", "1.1", secure_url(downgrades)).with("--refused", "400"),
    ];
    Ok(Peer { routes, _running: run(bench, &listeners, &clusters, plain)? })
}

pub(super) fn start_http3(bench: &Bench<'_>) -> Result<Peer, Error> {
    let [upgrades, from_http2, same, to_http2] = free_addresses()?;
    let listeners = [
        listener("http3", upgrades, None),
        listener("http3", from_http2, Some(server_tls(bench))),
        quic_listener(bench, "http3", same),
        quic_listener(bench, "http2", to_http2),
    ];
    let clusters = [
        cluster("http2", bench.secure, Some(HTTP2), Some(client_tls(bench))),
        cluster("http3", bench.secure, Some(HTTP3), Some(client_quic(bench))),
    ];
    let route = |from, to, url| Route::through("Envoy", from, to, url);
    let routes = vec![
        route("1.1", "3", format!("ws://{upgrades}")),
        route("2 over TLS", "3", secure_url(from_http2)),
        route("3", "3", secure_url(same)),
        route("3", "2 over TLS", secure_url(to_http2)),
    ];
    Ok(Peer { routes, _running: run(bench, &listeners, &clusters, upgrades)? })
}

fn secure_url(address: SocketAddr) -> String {
    format!("wss://localhost:{}", address.port())
}

fn run(bench: &Bench<'_>, listeners: &[Value], clusters: &[Value], address: SocketAddr) -> Result<Running, Error> {
    let envoy = python::http_environment(bench.workspace)?.with_file_name("envoy");
    let configuration = json!({ "static_resources": { "listeners": listeners, "clusters": clusters } });
    let settings = bench.settings("envoy.json", &format!("{configuration:#}"))?;
    let task = Task::new(envoy).arg("-c").arg(settings).args(["--disable-hot-restart", "--concurrency", "1"]);
    bench.run("envoy", task, address)
}

/// A listener that hands everything to the cluster of that name.
fn listener(cluster: &str, address: SocketAddr, tls: Option<Value>) -> Value {
    let mut listener = json!({
        "name": format!("{cluster} {address}"),
        "address": socket_address("TCP", address),
        "per_connection_buffer_limit_bytes": BUFFER_LIMIT,
        "filter_chains": [{ "filters": [
            { "name": "envoy.filters.network.http_connection_manager", "typed_config": manager(cluster) },
        ] }],
    });
    if let Some(tls) = tls {
        listener["filter_chains"][0]["transport_socket"] = tls;
    }
    listener
}

/// The same for HTTP/3.
fn quic_listener(bench: &Bench<'_>, cluster: &str, address: SocketAddr) -> Value {
    let mut listener = listener(cluster, address, Some(server_quic(bench)));
    listener["address"] = socket_address("UDP", address);
    // Without GRO it loses what our client sends in one call to the kernel, and gives up the connection.
    let socket = json!({ "prefer_gro": true });
    listener["udp_listener_config"] = json!({ "quic_options": {}, "downstream_socket_config": socket });
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    manager["codec_type"] = json!("HTTP3");
    manager["http3_protocol_options"] = json!({ "allow_extended_connect": true });
    listener
}

fn manager(cluster: &str) -> Value {
    json!({
        "@type": format!("{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": cluster,
        "upgrade_configs": [{ "upgrade_type": "websocket" }],
        "http2_protocol_options": { "allow_connect": true },
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
    })
}

/// A server over HTTP/1.1, or over the version of these options, of which the second allows extended CONNECT.
fn cluster(name: &str, address: SocketAddr, version: Option<(&str, &str)>, tls: Option<Value>) -> Value {
    let mut cluster = json!({
        "name": name,
        "connect_timeout": "3s",
        "per_connection_buffer_limit_bytes": BUFFER_LIMIT,
        "type": "STATIC",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [
            { "endpoint": { "address": socket_address("TCP", address) } },
        ] }] },
    });
    if let Some((options, allow)) = version {
        cluster["typed_extension_protocol_options"] = json!({ OPTIONS: {
            "@type": format!("type.googleapis.com/{OPTIONS}"),
            "explicit_http_config": { options: { allow: true } },
        } });
    }
    if let Some(tls) = tls {
        cluster["transport_socket"] = tls;
    }
    cluster
}

/// TLS with a client over HTTP/2.
fn server_tls(bench: &Bench<'_>) -> Value {
    let mut downstream = downstream(bench, "h2");
    downstream["@type"] = json!(format!("{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext"));
    json!({ "name": "envoy.transport_sockets.tls", "typed_config": downstream })
}

/// QUIC with a client.
fn server_quic(bench: &Bench<'_>) -> Value {
    json!({
        "name": "envoy.transport_sockets.quic",
        "typed_config": {
            "@type": format!("{TYPES}.transport_sockets.quic.v3.QuicDownstreamTransport"),
            "downstream_tls_context": downstream(bench, "h3"),
        },
    })
}

fn downstream(bench: &Bench<'_>, alpn: &str) -> Value {
    let [certificate, key] = bench.certificates.papers().map(|file| json!({ "filename": file }));
    json!({ "common_tls_context": {
        "alpn_protocols": [alpn],
        "tls_certificates": [{ "certificate_chain": certificate, "private_key": key }],
    } })
}

/// TLS with our server.
fn client_tls(bench: &Bench<'_>) -> Value {
    let mut upstream = upstream(bench);
    upstream["@type"] = json!(format!("{TYPES}.transport_sockets.tls.v3.UpstreamTlsContext"));
    json!({ "name": "envoy.transport_sockets.tls", "typed_config": upstream })
}

/// QUIC with our server.
fn client_quic(bench: &Bench<'_>) -> Value {
    json!({
        "name": "envoy.transport_sockets.quic",
        "typed_config": {
            "@type": format!("{TYPES}.transport_sockets.quic.v3.QuicUpstreamTransport"),
            "upstream_tls_context": upstream(bench),
        },
    })
}

fn upstream(bench: &Bench<'_>) -> Value {
    let trusted = json!({ "filename": bench.certificates.path("authority.pem") });
    json!({ "sni": "localhost", "common_tls_context": { "validation_context": { "trusted_ca": trusted } } })
}

fn socket_address(protocol: &str, address: SocketAddr) -> Value {
    let (ip, port) = (address.ip(), address.port());
    json!({ "socket_address": { "protocol": protocol, "address": ip, "port_value": port } })
}

const TYPES: &str = "type.googleapis.com/envoy.extensions";
const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/// With the default of 1 MiB, one WebSocket that is not read stops the others of a QUIC connection.
const BUFFER_LIMIT: u32 = 16 * 1024 * 1024;
const HTTP2: (&str, &str) = ("http2_protocol_options", "allow_connect");
const HTTP3: (&str, &str) = ("http3_protocol_options", "allow_extended_connect");
