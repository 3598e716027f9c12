//! Accepted and refused requests: statuses, headers and texts.

use std::net::SocketAddr;

use axum::{
    Extension, Router,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use http::HeaderValue;
use silverback::{OriginPolicy, Upgrader};
use silverback_axum::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};

use crate::support::{ask, handshake, serve};

async fn accept(ws: WebSocketUpgrade) -> Response {
    ws.on_upgrade(|_| async {})
}

async fn server() -> SocketAddr {
    serve(Router::new().route("/ws", any(accept))).await
}

#[track_caller]
fn check(head: &str, status: u16, headers: &[&str]) {
    assert!(head.starts_with(&format!("http/1.1 {status} ")), "{status}: {head}");
    for header in headers {
        assert!(head.lines().any(|line| line == *header), "{header}: {head}");
    }
}

#[tokio::test]
async fn the_sample_of_the_rfc_is_accepted() {
    let (head, _) = ask(server().await, &handshake("GET", &[])).await;
    let accept = "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=";
    check(&head, 101, &["upgrade: websocket", "connection: upgrade", accept]);
}

#[tokio::test]
async fn another_method_is_405_and_allow_names_get() {
    for router in [Router::new().route("/ws", any(accept)), Router::new().route("/ws", get(accept))] {
        let (head, _) = ask(serve(router).await, &handshake("POST", &[("Content-Length", "0")])).await;
        assert!(head.starts_with("http/1.1 405 "), "{head}");
        let allow = head.lines().find_map(|line| line.strip_prefix("allow: ")).expect("Allow");
        assert!(allow.split(',').any(|method| method.trim() == "get"), "{head}");
    }
}

#[tokio::test]
async fn a_plain_visit_is_426_and_says_what_this_address_is() {
    let visit = handshake("GET", &[("Upgrade", ""), ("Connection", "")]);
    let (head, body) = ask(server().await, &visit).await;
    check(&head, 426, &["sec-websocket-version: 13", "upgrade: websocket"]);
    assert!(body.contains("speaks WebSocket"), "{body}");
}

#[tokio::test]
async fn another_version_is_426_and_names_ours() {
    let (head, body) = ask(server().await, &handshake("GET", &[("Sec-WebSocket-Version", "8")])).await;
    check(&head, 426, &["sec-websocket-version: 13"]);
    assert!(body.contains("13"), "{body}");
}

#[tokio::test]
async fn what_is_malformed_is_400_and_named() {
    let address = server().await;
    for (name, value) in [
        ("Sec-WebSocket-Key", ""),
        ("Sec-WebSocket-Key", "c2hvcnQ="),
        ("Sec-WebSocket-Version", ""),
        ("Sec-WebSocket-Protocol", "two words"),
        ("Connection", "keep-alive"),
    ] {
        let (head, body) = ask(address, &handshake("GET", &[(name, value)])).await;
        check(&head, 400, &[]);
        assert!(body.contains(name), "{name}: {body}");
    }
}

#[tokio::test]
async fn http_1_0_is_505() {
    let request = handshake("GET", &[]).replace("HTTP/1.1", "HTTP/1.0");
    let (head, _) = ask(server().await, &request).await;
    assert!(head.contains(" 505 "), "{head}");
}

#[tokio::test]
async fn pages_of_the_same_origin_and_clients_without_one_may_connect() {
    let address = server().await;
    for origin in ["", "http://example.com", "http://EXAMPLE.com:80"] {
        let (head, _) = ask(address, &handshake("GET", &[("Origin", origin)])).await;
        check(&head, 101, &[]);
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_403() {
    let address = server().await;
    for origin in ["http://evil.example", "http://example.com:8080", "null", "http://example.com.evil.example"] {
        let (head, body) = ask(address, &handshake("GET", &[("Origin", origin)])).await;
        check(&head, 403, &[]);
        assert!(body.contains(origin), "{body}");
    }
}

#[tokio::test]
async fn an_origin_can_be_allowed_by_the_handler() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.allow_origin("https://other.example").unwrap().on_upgrade(|_| async {})
    }
    let address = serve(Router::new().route("/ws", any(handler))).await;
    for (origin, status) in [
        ("https://other.example", 101),
        ("http://example.com", 101),
        ("http://other.example", 403),
        ("https://other.example:8443", 403),
    ] {
        let (head, _) = ask(address, &handshake("GET", &[("Origin", origin)])).await;
        check(&head, status, &[]);
    }
}

#[tokio::test]
async fn every_origin_can_be_allowed_by_name_only() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.dangerous_allow_any_origin().on_upgrade(|_| async {})
    }
    let address = serve(Router::new().route("/ws", any(handler))).await;
    let (head, _) = ask(address, &handshake("GET", &[("Origin", "null")])).await;
    check(&head, 101, &[]);
}

#[tokio::test]
async fn the_upgrader_of_the_router_counts_and_the_handler_adds_to_it() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.allow_origin("https://b.example").unwrap().on_upgrade(|_| async {})
    }
    let upgrader = Upgrader::new().allow_origin("https://a.example").unwrap();
    let address = serve(Router::new().route("/ws", any(handler)).layer(Extension(upgrader))).await;
    for (origin, status) in [("https://a.example", 101), ("https://b.example", 101), ("https://c.example", 403)] {
        let (head, _) = ask(address, &handshake("GET", &[("Origin", origin)])).await;
        check(&head, status, &[]);
    }
}

#[tokio::test]
async fn a_policy_of_the_handler_replaces_that_of_the_router() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.check_origin(OriginPolicy::AllowList(vec![])).on_upgrade(|_| async {})
    }
    let upgrader = Upgrader::new().allow_origin("https://a.example").unwrap();
    let address = serve(Router::new().route("/ws", any(handler)).layer(Extension(upgrader))).await;
    let (head, _) = ask(address, &handshake("GET", &[("Origin", "https://a.example")])).await;
    check(&head, 403, &[]);
}

#[tokio::test]
async fn hosts_can_be_allowed_by_the_handler() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.allow_hosts(["example.com"]).unwrap().on_upgrade(|_| async {})
    }
    let address = serve(Router::new().route("/ws", any(handler))).await;
    let rebound = handshake("GET", &[("Origin", "http://attacker.example")])
        .replace("Host: example.com", "Host: attacker.example");
    for (request, status) in [(handshake("GET", &[]), 101), (rebound, 403)] {
        let (head, _) = ask(address, &request).await;
        check(&head, status, &[]);
    }
}

#[tokio::test]
async fn a_subprotocol_that_was_not_asked_for_is_not_answered() {
    async fn handler(mut ws: WebSocketUpgrade) -> Response {
        ws.set_selected_protocol(HeaderValue::from_static("chat"));
        ws.on_upgrade(|_| async {})
    }
    let address = serve(Router::new().route("/ws", any(handler))).await;
    let (head, _) = ask(address, &handshake("GET", &[("Sec-WebSocket-Protocol", "mqtt")])).await;
    check(&head, 101, &[]);
    assert!(!head.contains("sec-websocket-protocol"), "{head}");
    let (head, _) = ask(address, &handshake("GET", &[("Sec-WebSocket-Protocol", "mqtt, chat")])).await;
    check(&head, 101, &["sec-websocket-protocol: chat"]);
}

#[tokio::test]
async fn a_handler_can_answer_a_refused_request_in_its_own_way() {
    async fn handler(ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
        match ws {
            Ok(ws) => ws.on_upgrade(|_| async {}),
            Err(rejection) => (rejection.status(), format!("<{}>", rejection.body_text())).into_response(),
        }
    }
    let address = serve(Router::new().route("/ws", any(handler))).await;
    let (head, body) = ask(address, &handshake("GET", &[("Upgrade", "")])).await;
    check(&head, 426, &[]);
    assert!(body.starts_with("<This address") && body.ends_with('>'), "{body}");
}
