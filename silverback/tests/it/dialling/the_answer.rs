//! The answer to the client (RFC 6455, 4.1): nothing is accepted that was not offered.

use std::time::Duration;

use silverback::proto::handshake::HandshakeError;
use silverback::{DialError, Dialer, dial::DialStep};
use silverback_testkit::wire::text;
use tokio::time::sleep;

use super::{answer, dial, dial_and_answer, request, wrong_answer};
use crate::support::{settle, within};

#[tokio::test(start_paused = true)]
async fn opens_the_connection() {
    let conn = dial_and_answer(Dialer::new(), |accept| answer(accept, "")).await.unwrap();
    assert_eq!(conn.subprotocol(), None);
    let conn = dial_and_answer(Dialer::new().subprotocols(["a", "b"]), |accept| {
        answer(accept, "Sec-WebSocket-Protocol: b\r\n")
    });
    assert_eq!(conn.await.unwrap().subprotocol().unwrap().as_str(), "b");
    dial_and_answer(Dialer::new().subprotocols(["a"]), |accept| answer(accept, "")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn may_be_written_in_any_case_and_spacing() {
    let loose = |accept: &str| {
        format!(
            "HTTP/1.1 101 Whatever\r\nUPGRADE:WebSocket\r\nconnection: keep-alive, UPGRADE\r\n\
             sec-websocket-accept:   {accept}  \r\nServer: x\r\n\r\n"
        )
    };
    dial_and_answer(Dialer::new(), loose).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn and_frames_behind_it_may_be_cut_anywhere() {
    let length = answer("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "").len() + text("early").encode().len();
    for cut in 0..=length {
        let (dialling, remote) = dial(Dialer::new());
        let (_, accept) = request(&remote).await;
        let wire = [answer(&accept, "").into_bytes(), text("early").encode()].concat();
        remote.send(&wire[..cut]);
        settle().await;
        remote.send(&wire[cut..]);
        let mut conn = within(dialling).await.unwrap().unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("early".into()), "cut at {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn must_have_the_right_accept() {
    let wrong = |_: &str| answer("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "");
    assert!(matches!(wrong_answer(wrong).await, HandshakeError::WrongAccept(_)));
    let lower = |accept: &str| answer(&accept.to_lowercase(), "");
    assert!(matches!(wrong_answer(lower).await, HandshakeError::WrongAccept(_)));
    let missing = |accept: &str| answer(accept, "").replace("Sec-WebSocket-Accept", "X");
    assert!(matches!(wrong_answer(missing).await, HandshakeError::MissingHeader("Sec-WebSocket-Accept")));
    let twice = |accept: &str| answer(accept, &format!("Sec-WebSocket-Accept: {accept}\r\n"));
    assert!(matches!(wrong_answer(twice).await, HandshakeError::RepeatedHeader("Sec-WebSocket-Accept")));
}

#[tokio::test(start_paused = true)]
async fn must_not_choose_what_was_not_offered() {
    for name in ["other", "Chat", "chat, chat", ""] {
        let error = wrong_answer(|accept| answer(accept, &format!("Sec-WebSocket-Protocol: {name}\r\n"))).await;
        assert!(matches!(error, HandshakeError::WrongSubprotocol(_)), "{name}: {error}");
    }
    for name in ["permessage-deflate", "x-other; a=1"] {
        let error = wrong_answer(|accept| answer(accept, &format!("Sec-WebSocket-Extensions: {name}\r\n"))).await;
        assert!(matches!(error, HandshakeError::WrongExtension(_)), "{name}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn must_be_an_upgrade_to_websocket() {
    let other = |accept: &str| answer(accept, "").replace("Upgrade: websocket", "Upgrade: h2c");
    assert!(matches!(wrong_answer(other).await, HandshakeError::Upgrade(Some(_))));
    let none = |accept: &str| answer(accept, "").replace("Upgrade: websocket\r\n", "");
    assert!(matches!(wrong_answer(none).await, HandshakeError::Upgrade(None)));
    let close = |accept: &str| answer(accept, "").replace("Connection: Upgrade", "Connection: close");
    assert!(matches!(wrong_answer(close).await, HandshakeError::Connection(Some(_))));
}

#[tokio::test(start_paused = true)]
async fn ends_with_its_head_whatever_body_it_announces() {
    for line in ["Content-Length: 0", "Content-Length: 4", "Transfer-Encoding: chunked", "Content-Length: none"] {
        let (dialling, remote) = dial(Dialer::new());
        let (_, accept) = request(&remote).await;
        // The frame follows the head directly: no byte of it may be taken for a body.
        remote.send([answer(&accept, &format!("{line}\r\n")).as_bytes(), b"\x81\x05early"].concat());
        let mut conn = within(dialling).await.unwrap().unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap().unwrap().as_text(), Some("early"), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn comes_after_interim_ones() {
    let interim = |accept: &str| {
        format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n{}",
            answer(accept, "")
        )
    };
    dial_and_answer(Dialer::new(), interim).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn comes_after_20_interim_ones_at_most() {
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 199 Odd\r\nContent-Length: 9\r\n\r\n"] {
        let after = |count: usize| move |accept: &str| interim.repeat(count) + &answer(accept, "");
        dial_and_answer(Dialer::new(), after(20)).await.unwrap();
        let error = dial_and_answer(Dialer::new(), after(21)).await.unwrap_err();
        assert!(matches!(error, DialError::TooManyInterim { limit: 20, .. }), "{error}");
        assert_eq!((error.step(), error.target()), (Some(DialStep::Handshake), Some("server.example.com:80")));
        assert!(error.to_string().contains("more than 20 interim responses"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_never_gets_beyond_slow_interim_ones_is_a_timeout() {
    let (dialling, remote) = dial(Dialer::new());
    request(&remote).await;
    while !dialling.is_finished() {
        remote.send("HTTP/1.1 102 Processing\r\n\r\n");
        sleep(Duration::from_secs(1)).await;
    }
    assert!(within(dialling).await.unwrap().unwrap_err().is_timeout());
}
