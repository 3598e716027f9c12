//! Origins and subprotocols.

use silverback::{HostPolicy, OriginPolicy};
use silverback::{UpgradeError, Upgrader};

use super::{accept, head, refusal};
use crate::support::{request, within};

async fn status_of(upgrader: Upgrader, extra: &str) -> u16 {
    let (_accepting, remote) = accept(upgrader);
    remote.send(request(extra));
    remote.half_close();
    head(&remote).await.status()
}

#[tokio::test(start_paused = true)]
async fn lets_in_the_same_origin_and_who_names_none() {
    let host = "server.example.com";
    assert_eq!(status_of(Upgrader::new(), "").await, 101);
    for (origin, status) in [
        (format!("http://{host}"), 101),
        (format!("http://{host}:80"), 101),
        (format!("http://{}", host.to_uppercase()), 101),
        (format!("http://{host}:8080"), 403),
        (format!("http://{host}.evil.example"), 403),
        ("http://evil.example".to_owned(), 403),
    ] {
        assert_eq!(status_of(Upgrader::new(), &format!("Origin: {origin}\r\n")).await, status, "{origin}");
    }
}

#[tokio::test(start_paused = true)]
async fn lets_in_origins_that_were_allowed() {
    let upgrader = Upgrader::new().allow_origin("https://app.example").unwrap();
    assert_eq!(status_of(upgrader.clone(), "Origin: https://app.example\r\n").await, 101);
    assert_eq!(status_of(upgrader.clone(), "Origin: http://server.example.com\r\n").await, 101);
    assert_eq!(status_of(upgrader.clone(), "Origin: http://app.example\r\n").await, 403);
    assert_eq!(status_of(upgrader, "Origin: https://app.example:444\r\n").await, 403);
    let anyone = Upgrader::new().dangerous_allow_any_origin();
    assert_eq!(status_of(anyone, "Origin: null\r\n").await, 101);
    let nobody = Upgrader::new().check_origin(OriginPolicy::AllowList(Vec::new()));
    assert_eq!(status_of(nobody, "Origin: http://server.example.com\r\n").await, 403);
}

#[tokio::test(start_paused = true)]
async fn refuses_a_page_whose_name_was_pointed_at_this_server() {
    async fn rebound(upgrader: Upgrader) -> u16 {
        let (_accepting, remote) = accept(upgrader);
        let request = request("Origin: http://attacker.example\r\n");
        remote.send(request.replace("server.example.com", "attacker.example"));
        remote.half_close();
        head(&remote).await.status()
    }
    let upgrader = Upgrader::new().allow_hosts(["server.example.com"]).unwrap();
    assert_eq!(rebound(upgrader.clone()).await, 403);
    assert_eq!(status_of(upgrader.clone(), "Origin: http://server.example.com\r\n").await, 101);
    assert_eq!(status_of(upgrader, "").await, 101);
    // Neither a policy on origins nor the absence of an origin opens the door.
    let upgrader = Upgrader::new().check_host(HostPolicy::LoopbackOr(Vec::new()));
    assert_eq!(rebound(upgrader.clone().dangerous_allow_any_origin()).await, 403);
    assert_eq!(status_of(upgrader.clone(), "").await, 403);
    let upgrader = upgrader.allow_hosts(["*.example.com"]).unwrap();
    assert_eq!(status_of(upgrader, "").await, 101);
    assert!(Upgrader::new().allow_hosts(["https://example.com"]).is_err());
}

#[tokio::test(start_paused = true)]
async fn agrees_on_the_first_subprotocol_of_the_client_that_is_known() {
    let (accepting, remote) = accept(Upgrader::new().subprotocols(["b", "a"]));
    remote.send(request("Sec-WebSocket-Protocol: x, A\r\nSec-WebSocket-Protocol: a, b\r\n"));
    assert_eq!(head(&remote).await.header("sec-websocket-protocol"), Some("a"));
    let conn = within(accepting).await.unwrap().unwrap();
    assert_eq!(conn.subprotocol().unwrap().as_str(), "a");
}

#[tokio::test(start_paused = true)]
async fn agrees_on_none_if_none_is_known_and_on_no_extension() {
    let (accepting, remote) = accept(Upgrader::new().subprotocols(["b"]));
    remote.send(request("Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Extensions: permessage-deflate, other\r\n"));
    let head = head(&remote).await;
    assert_eq!((head.header("sec-websocket-protocol"), head.header("sec-websocket-extensions")), (None, None));
    assert_eq!(within(accepting).await.unwrap().unwrap().subprotocol(), None);
}

#[tokio::test(start_paused = true)]
async fn that_cannot_be_is_a_fault_of_ours() {
    // The first one is reported.
    let (accepting, remote) = accept(Upgrader::new().subprotocols(["not a token", "(b)"]).subprotocols(["(c)"]));
    remote.send(request(""));
    remote.half_close();
    assert_eq!(refusal(&remote).await.0.status(), 500);
    let error = within(accepting).await.unwrap().unwrap_err();
    assert!(matches!(error, UpgradeError::Misconfigured(_)), "{error}");
    assert!(error.to_string().contains("not a token"), "{error}");
}
