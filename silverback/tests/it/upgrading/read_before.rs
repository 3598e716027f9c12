//! `accept_handshake`, `respond` and `conn`: other code has read the request.

use http::{Request, Response};
use silverback::{
    UpgradeError, Upgrader,
    proto::handshake::{Rejection, ServerHandshake, http1::parse_request},
};
use silverback_testkit::{
    pipe::pipe,
    wire::{CLIENT_KEY, text},
};

use super::{Accepting, Remote, head, refusal};
use crate::support::{request, within};

fn accept(upgrader: Upgrader, extra: &str, early: Vec<u8>) -> (Accepting, Remote) {
    let (pipe, remote) = pipe();
    let request = parse_request(request(extra).as_bytes()).unwrap();
    let handshake = ServerHandshake::from_request(&request).unwrap();
    let accepting = tokio::spawn(async move { upgrader.accept_handshake(pipe, handshake, early).await });
    (accepting, remote.as_client())
}

#[tokio::test(start_paused = true)]
async fn is_answered_and_what_came_behind_it_is_received() {
    let early = text("early").masked(CLIENT_KEY).encode();
    let (accepting, remote) =
        accept(Upgrader::new().subprotocols(["chat"]), "Sec-WebSocket-Protocol: x, chat\r\n", early);
    let head = head(&remote).await;
    assert_eq!((head.status(), head.header("sec-websocket-protocol")), (101, Some("chat")));
    let mut conn = within(accepting).await.unwrap().unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("early".into()));
}

#[tokio::test(start_paused = true)]
async fn is_refused_if_the_origin_may_not_connect() {
    let (accepting, remote) = accept(Upgrader::new(), "Origin: http://evil.example\r\n", Vec::new());
    remote.half_close();
    let (head, body) = refusal(&remote).await;
    assert_eq!((head.status(), head.header("connection")), (403, Some("close")));
    assert!(body.contains("evil.example"), "{body}");
    let error = within(accepting).await.unwrap().unwrap_err();
    assert!(matches!(error, UpgradeError::Rejected(Rejection::Origin { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn is_answered_for_a_server_that_sends_the_response_itself() {
    let upgrader = Upgrader::new().subprotocols(["chat"]);
    let request = parse_request(request("Sec-WebSocket-Protocol: chat\r\n").as_bytes()).unwrap();
    let (response, negotiated): (Response<String>, _) = upgrader.respond(&request).unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    let (pipe, remote) = pipe();
    let remote = remote.as_client();
    let mut conn = upgrader.conn(pipe, negotiated, text("leftover").masked(CLIENT_KEY).encode());
    assert_eq!(conn.subprotocol().unwrap(), "chat");
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("leftover".into()));
    conn.write_message("answer").await.unwrap();
    within(remote.expect(text("answer"))).await;
}

#[test]
fn is_refused_by_the_same_policy_for_a_server_that_sends_the_response_itself() {
    let request = parse_request(request("Origin: http://evil.example\r\n").as_bytes()).unwrap();
    let error = Upgrader::new().respond::<_, ()>(&request).unwrap_err();
    assert!(matches!(error, UpgradeError::Rejected(Rejection::Origin { .. })), "{error:?}");
    assert_eq!(error.response().status(), 403);
    let handshake = ServerHandshake::read(request.method(), request.version(), request.headers()).unwrap();
    let error = Upgrader::new().respond_handshake::<()>(handshake).unwrap_err();
    assert_eq!(error.response().status(), 403);
    let error = Upgrader::new().respond::<_, ()>(&Request::new(())).unwrap_err();
    assert!(error.response().status().is_client_error(), "{error:?}");
}
