//! Handlers written for `axum::extract::ws` behave the same here. One file of handlers is compiled against both crates,
//! and the same client talks to both.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use futures_util::{SinkExt, StreamExt};
use http::{Request, Version};
use silverback::{CloseCode, Dialer, Event, Message as Data, MessageKind};
use tokio::{
    io::AsyncWriteExt,
    sync::{broadcast, mpsc},
};
use tower_service::Service;

use crate::support::{ask, dial, handshake, serve, serve_with_hyper, within};

mod on_axum {
    use super::*;
    use axum::extract::ws::{
        CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code, rejection::WebSocketUpgradeRejection,
    };
    include!("handlers.rs");
}

mod on_silverback {
    use super::*;
    use silverback_axum::{
        CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code, rejection::WebSocketUpgradeRejection,
    };
    include!("handlers.rs");
}

/// Axum's extractor, ours, and ours without `axum::serve`, each with the words of `describe`.
async fn servers() -> Vec<(&'static str, std::net::SocketAddr, mpsc::UnboundedReceiver<String>)> {
    let room = || broadcast::channel(16).0;
    let (said_1, words_1) = mpsc::unbounded_channel();
    let (said_2, words_2) = mpsc::unbounded_channel();
    let (said_3, words_3) = mpsc::unbounded_channel();
    vec![
        ("axum", serve(on_axum::router(room(), said_1)).await, words_1),
        ("silverback", serve(on_silverback::router(room(), said_2)).await, words_2),
        ("silverback on hyper", serve_with_hyper(on_silverback::router(room(), said_3)).await, words_3),
    ]
}

/// With axum's own extractor, a handler that returns after it received a Close frame drops the reply to it.
#[track_caller]
fn check_closed(name: &str, closed: Result<(), silverback::Error>) {
    assert!(closed.is_ok() || name == "axum", "{name}: {closed:?}");
}

#[tokio::test]
async fn the_documented_echo_echoes() {
    for (name, address, _) in servers().await {
        let mut conn = dial(address, "/echo").await;
        for message in [Data::text("grüße"), Data::text(""), Data::binary(vec![0, 255]), Data::binary(vec![7; 300_000])]
        {
            conn.write_message(message.clone()).await.unwrap();
            assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), message, "{name}");
        }
        let closed = within(conn.close(1000, "done")).await;
        check_closed(name, closed);
    }
}

#[tokio::test]
async fn a_message_in_fragments_is_received_whole() {
    for (name, address, _) in servers().await {
        let mut conn = dial(address, "/echo").await;
        let mut writer = conn.next_writer(MessageKind::Text).await.unwrap();
        for piece in ["one ", "two ", "three"] {
            writer.write_all(piece.as_bytes()).await.unwrap();
            writer.flush().await.unwrap();
        }
        writer.finish().await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::text("one two three"), "{name}");
    }
}

#[tokio::test]
async fn a_split_socket_reads_and_writes_in_two_tasks() {
    for (name, address, _) in servers().await {
        let mut ann = dial(address, "/chat").await;
        let mut bob = dial(address, "/chat").await;
        for (conn, who) in [(&mut ann, "ann"), (&mut bob, "bob")] {
            conn.write_message(who).await.unwrap();
            assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::text("welcome"), "{name}");
        }
        ann.write_message("hello").await.unwrap();
        for conn in [&mut ann, &mut bob] {
            assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::text("ann: hello"), "{name}");
        }
        let closed = within(ann.close(1000, "")).await;
        check_closed(name, closed);
        bob.write_message("alone").await.unwrap();
        assert_eq!(within(bob.read_message()).await.unwrap().unwrap(), Data::text("bob: alone"), "{name}");
    }
}

#[tokio::test]
async fn a_handler_sees_every_kind_of_message_in_order() {
    for (name, address, mut words) in servers().await {
        let mut conn = dial(address, "/describe").await;
        conn.write_message("hi").await.unwrap();
        conn.flush().await.unwrap();
        conn.ping(b"1").unwrap();
        conn.flush().await.unwrap();
        conn.halves().0.pong(b"2").unwrap();
        conn.write_message(vec![3]).await.unwrap();
        within(conn.close(4000, "bye")).await.unwrap();
        for expected in ["text hi", "ping b\"1\"", "pong b\"2\"", "binary b\"\\x03\"", "close 4000 bye", "end"] {
            assert_eq!(within(words.recv()).await.unwrap(), expected, "{name}");
        }
    }
}

#[tokio::test]
async fn an_empty_close_frame_is_seen_as_one() {
    for (name, address, mut words) in servers().await {
        let mut conn = dial(address, "/describe").await;
        within(conn.close(CloseCode::NO_STATUS, "")).await.unwrap();
        assert_eq!(conn.close_info().unwrap().code, CloseCode::NO_STATUS, "{name}");
        assert_eq!(within(words.recv()).await.unwrap(), "close", "{name}");
        assert_eq!(within(words.recv()).await.unwrap(), "end", "{name}");
    }
}

#[tokio::test]
async fn a_client_that_vanishes_is_an_error_and_then_the_end() {
    for (name, address, mut words) in servers().await {
        let conn = dial(address, "/describe").await;
        drop(conn);
        assert_eq!(within(words.recv()).await.unwrap(), "error", "{name}");
        assert_eq!(within(words.recv()).await.unwrap(), "end", "{name}");
    }
}

#[tokio::test]
async fn a_ping_and_a_close_frame_arrive_although_the_handler_has_left() {
    for (name, address, _) in servers().await {
        let mut conn = dial(address, "/farewell").await;
        // Input that the server has not read when its handler returns must not destroy its Close frame.
        let _ = conn.write_message("unread").await;
        let Some(Event::Ping(payload)) = within(conn.read_event()).await.unwrap() else { panic!("{name}: no ping") };
        assert_eq!(payload.as_slice(), b"still there?", "{name}");
        let Some(Event::Close(Some(close))) = within(conn.read_event()).await.unwrap() else {
            panic!("{name}: no close")
        };
        assert_eq!((close.code.get(), close.reason.as_ref()), (1001, "Goodbye"), "{name}");
    }
}

#[tokio::test]
async fn closing_the_sink_sends_what_was_accepted_and_a_close_frame() {
    for (name, address, _) in servers().await {
        let mut conn = dial(address, "/hang_up").await;
        assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::text("last"), "{name}");
        assert_eq!(within(conn.read_message()).await.unwrap(), None, "{name}");
        assert!(conn.close_info().unwrap().is_clean, "{name}");
    }
}

#[tokio::test]
async fn the_servers_preference_decides_among_subprotocols() {
    for (name, address, _) in servers().await {
        for (offered, expected) in [
            (vec!["graphql-transport-ws", "graphql-ws"], "graphql-ws of 2"),
            (vec!["graphql-transport-ws", "mqtt"], "graphql-transport-ws of 2"),
            (vec!["mqtt"], " of 1"),
            (vec![], " of 0"),
        ] {
            let dialer = Dialer::new().subprotocols(&offered);
            let mut conn = within(dialer.dial(&format!("ws://{address}/protocol"))).await.unwrap();
            let agreed = conn.subprotocol().map_or("", |agreed| agreed.as_str()).to_owned();
            assert_eq!(agreed, expected.split(" of").next().unwrap(), "{name}");
            assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::text(expected), "{name}");
        }
    }
}

#[tokio::test]
async fn errors_are_axums() {
    for (name, address, _) in servers().await {
        let mut conn = dial(address, "/errors").await;
        conn.write_message("any").await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::binary(vec![1, 2, 3]), "{name}");
    }
}

#[tokio::test]
async fn rejections_have_the_names_of_axum() {
    for (name, address, _) in servers().await {
        for (method, header, expected) in [
            ("GET", ("X", "y"), "accepted"),
            ("POST", ("Content-Length", "0"), "MethodNotGet"),
            ("GET", ("Connection", "keep-alive"), "InvalidConnectionHeader"),
            ("GET", ("Upgrade", ""), "InvalidUpgradeHeader"),
            ("GET", ("Upgrade", "h2c"), "InvalidUpgradeHeader"),
            ("GET", ("Sec-WebSocket-Version", ""), "InvalidWebSocketVersionHeader"),
            ("GET", ("Sec-WebSocket-Version", "8"), "InvalidWebSocketVersionHeader"),
            ("GET", ("Sec-WebSocket-Key", ""), "WebSocketKeyHeaderMissing"),
        ] {
            let (_, variant) = ask(address, &handshake(method, &[header])).await;
            assert_eq!(variant, expected, "{name}: {method} {header:?}");
        }
    }
}

/// axum's own test of a request that comes from no server.
#[tokio::test]
async fn a_request_of_http_1_0_is_not_upgradable() {
    async fn check(name: &str, mut router: Router) {
        let request = Request::get("/ws")
            .version(Version::HTTP_10)
            .header("Host", "example.com")
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let response = router.call(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, "ConnectionNotUpgradable", "{name}");
    }
    let (room, said) = (broadcast::channel(16).0, mpsc::unbounded_channel().0);
    check("axum", on_axum::router(room.clone(), said.clone())).await;
    check("silverback", on_silverback::router(room, said)).await;
}

#[tokio::test]
async fn a_rejection_has_a_status_and_words() {
    for (name, address, _) in servers().await {
        let request = handshake("POST", &[("Content-Length", "0")]).replace("/ws", "/worded");
        let (head, body) = ask(address, &request).await;
        assert!(head.contains(" 405 ") && body.contains("GET"), "{name}: {head} {body}");
    }
}

#[tokio::test]
async fn the_second_choice_of_the_client_is_agreed_on_and_pings_are_answered_meanwhile() {
    for (name, address, _) in servers().await {
        let dialer = Dialer::new().subprotocols(["echo3", "echo"]);
        let mut conn = within(dialer.dial(&format!("ws://{address}/careful"))).await.unwrap();
        assert_eq!(conn.subprotocol().unwrap().as_str(), "echo", "{name}");
        conn.write_message("foobar").await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::text("foobar"), "{name}");
        conn.ping(b"ping").unwrap();
        let Some(Event::Pong(payload)) = within(conn.read_event()).await.unwrap() else { panic!("{name}: no pong") };
        assert_eq!(payload.as_slice(), b"ping", "{name}");
        let closed = within(conn.close(1000, "")).await;
        check_closed(name, closed);
    }
}

#[cfg(feature = "ws")]
#[test]
fn messages_convert_both_ways() {
    use axum::extract::ws;
    use silverback_axum::{CloseFrame, Message, Utf8Bytes};
    let close = CloseFrame { code: 1001, reason: "Goodbye".into() };
    for message in [
        Message::text("gr\u{fc}\u{df}e"),
        Message::binary(vec![0xFF, 0]),
        Message::Ping(Bytes::from_static(b"?")),
        Message::Pong(Bytes::from_static(b"!")),
        Message::Close(Some(close)),
        Message::Close(None),
    ] {
        let theirs = ws::Message::from(message.clone());
        assert_eq!(format!("{theirs:?}").split('(').next(), format!("{message:?}").split('(').next());
        assert_eq!(theirs.clone().into_data(), message.clone().into_data());
        assert_eq!(Message::from(theirs), message);
    }
    let text = Utf8Bytes::from("shared".to_owned());
    let place = text.as_ptr();
    let theirs = ws::Utf8Bytes::from(text);
    assert_eq!(theirs.as_ptr(), place, "no copy on the way there");
    assert_eq!(Utf8Bytes::from(theirs).as_ptr(), place, "and none on the way back");
}
