//! `accept_handshake`: other code has read the request.

use silverback::{
    UpgradeError, Upgrader,
    handshake::{Rejection, ServerHandshake, http1::parse_request},
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
