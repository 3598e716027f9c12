//! The behaviour of a connection after the upgrade that has no equivalent in axum.

use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use axum::{Extension, Router, response::Response, routing::any};
use futures_util::{Sink, SinkExt, StreamExt, stream::FusedStream};
use silverback::{CloseCode, Config, Dialer, Message as Data, Upgrader};
use silverback_axum::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use crate::support::{dial, handshake, serve, serve_with_hyper, within};

#[tokio::test]
async fn the_connection_itself_runs_the_plain_loop() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.on_upgrade(|socket| async move {
            let mut conn = socket.into_inner();
            while let Ok(Some(message)) = conn.read_message().await {
                conn.write_message(message).await.unwrap();
            }
        })
    }
    for address in [
        serve(Router::new().route("/ws", any(handler))).await,
        serve_with_hyper(Router::new().route("/ws", any(handler))).await,
    ] {
        let mut conn = dial(address, "/ws").await;
        for number in 0..100 {
            conn.write_message(format!("{number}")).await.unwrap();
        }
        for number in 0..100 {
            assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::text(format!("{number}")));
        }
        within(conn.close(1000, "")).await.unwrap();
    }
}

#[tokio::test]
async fn a_sink_that_is_closed_leaves_every_message_to_the_task_that_reads() {
    async fn handler(
        ws: WebSocketUpgrade,
        Extension(told): Extension<mpsc::UnboundedSender<(usize, usize)>>,
    ) -> Response {
        ws.on_upgrade(move |socket| async move {
            let (mut sink, mut stream) = socket.split();
            let mut polls = 0;
            let reading = tokio::spawn(async move {
                let mut count = 0;
                while let Some(Ok(message)) = stream.next().await {
                    count += usize::from(matches!(message, Message::Text(_)));
                }
                count
            });
            let closed = poll_fn(|cx| {
                polls += 1;
                Pin::new(&mut sink).poll_close(cx)
            });
            closed.await.unwrap();
            sink.close().await.unwrap();
            told.send((polls, reading.await.unwrap())).unwrap();
        })
    }
    let (tell, mut told) = mpsc::unbounded_channel::<(usize, usize)>();
    let address = serve(Router::new().route("/ws", any(handler)).layer(Extension(tell))).await;
    // This client continues to send, which is allowed until it has answered the Close frame.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(handshake("GET", &[]).as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"\x88\x00") {
        assert_ne!(within(stream.read_buf(&mut read)).await.unwrap(), 0);
    }
    for _ in 0..20 {
        stream.write_all(b"\x81\x82\0\0\0\0hi").await.unwrap();
    }
    stream.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    assert_eq!(within(stream.read_buf(&mut read)).await.unwrap(), 0, "one Close frame, and the end");
    drop(stream);
    assert_eq!(within(told.recv()).await, Some((1, 20)), "polls of the sink, messages of the stream");
}

#[tokio::test]
async fn the_socket_is_taken_back_out_of_the_server() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.on_upgrade(|socket| async move {
            let mut conn = socket.into_inner();
            let transport = format!("{conn:?}");
            conn.write_message(transport).await.unwrap();
        })
    }
    for address in [
        serve(Router::new().route("/ws", any(handler))).await,
        serve_with_hyper(Router::new().route("/ws", any(handler))).await,
    ] {
        let transport = within(dial(address, "/ws").await.read_message()).await.unwrap().unwrap();
        assert!(transport.as_text().unwrap().contains("Tcp("), "{transport:?}");
    }
}

#[tokio::test]
async fn frames_in_the_same_packet_as_the_request_are_received() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.on_upgrade(|mut socket: WebSocket| async move {
            while let Some(Ok(message)) = socket.recv().await {
                let _ = socket.send(message).await;
            }
        })
    }
    for address in [
        serve(Router::new().route("/ws", any(handler))).await,
        serve_with_hyper(Router::new().route("/ws", any(handler))).await,
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut packet = handshake("GET", &[]).into_bytes();
        // "Hi", masked with zeros.
        packet.extend([0x81, 0x82, 0, 0, 0, 0, b'H', b'i']);
        stream.write_all(&packet).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(&[0x81, 0x02, b'H', b'i']) {
            assert_ne!(within(stream.read_buf(&mut answer)).await.unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn a_message_over_the_limit_of_the_handler_is_refused_with_1009() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.max_message_size(10).on_upgrade(|mut socket| async move { while let Some(Ok(_)) = socket.recv().await {} })
    }
    let address = serve(Router::new().route("/ws", any(handler))).await;
    let mut conn = dial(address, "/ws").await;
    conn.write_message("eleven byte").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert_eq!(conn.close_info().unwrap().code, CloseCode::MESSAGE_TOO_BIG);
}

#[tokio::test]
async fn limits_of_the_router_hold_where_the_handler_sets_others() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.max_write_buffer_size(1 << 20)
            .on_upgrade(|mut socket| async move { while let Some(Ok(_)) = socket.recv().await {} })
    }
    let upgrader = Upgrader::new().config(Config::default().max_message_size(10));
    let address = serve(Router::new().route("/ws", any(handler)).layer(Extension(upgrader))).await;
    let mut conn = dial(address, "/ws").await;
    conn.write_message("eleven byte").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert_eq!(conn.close_info().unwrap().code, CloseCode::MESSAGE_TOO_BIG);
}

#[tokio::test]
async fn what_must_not_be_sent_is_an_error_and_the_connection_goes_on() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.on_upgrade(|mut socket| async move {
            let forbidden = CloseFrame { code: 1006, reason: "".into() };
            assert!(socket.send(Message::Close(Some(forbidden))).await.is_err());
            assert!(socket.send(Message::Ping(vec![0; 126].into())).await.is_err());
            socket.send("still here".into()).await.unwrap();
        })
    }
    let mut conn = dial(serve(Router::new().route("/ws", any(handler))).await, "/ws").await;
    assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::text("still here"));
}

#[tokio::test]
async fn the_error_of_silverback_is_inside_the_error_of_axum() {
    let (said, mut words) = mpsc::unbounded_channel();
    let handler = move |ws: WebSocketUpgrade| async move {
        ws.on_upgrade(move |mut socket| async move {
            let error = socket.recv().await.unwrap().unwrap_err().into_inner();
            let _ = said.send(error.downcast::<silverback::Error>().unwrap().to_string());
            assert!(socket.recv().await.is_none() && socket.is_terminated());
        })
    };
    let address = serve(Router::new().route("/ws", any(handler))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(handshake("GET", &[]).as_bytes()).await.unwrap();
    // A text frame without a mask.
    stream.write_all(&[0x81, 0x00]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(within(words.recv()).await.unwrap().contains("must be masked"));
}

#[tokio::test]
async fn a_receive_that_is_dropped_half_way_loses_nothing() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.on_upgrade(|mut socket| async move {
            let mut received = 0;
            while received < 50 {
                tokio::select! {
                    biased;
                    message = socket.recv() => match message {
                        Some(Ok(Message::Text(text))) => {
                            assert_eq!(text, received.to_string());
                            received += 1;
                        }
                        _ => return,
                    },
                    () = tokio::task::yield_now() => {}
                }
            }
            socket.send("all".into()).await.unwrap();
        })
    }
    let mut conn = dial(serve(Router::new().route("/ws", any(handler))).await, "/ws").await;
    for number in 0..50 {
        conn.write_message(format!("{number}")).await.unwrap();
        conn.flush().await.unwrap();
    }
    assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), Data::text("all"));
}

#[tokio::test]
async fn a_handler_that_ends_frees_the_connection() {
    async fn handler(ws: WebSocketUpgrade, Extension(alive): Extension<Arc<()>>) -> Response {
        ws.on_upgrade(move |mut socket| async move {
            let _alive = alive;
            while socket.next().await.is_some() {}
        })
    }
    let alive = Arc::new(());
    let address = serve(Router::new().route("/ws", any(handler)).layer(Extension(alive.clone()))).await;
    let idle = Arc::strong_count(&alive);
    let conns = [dial(address, "/ws").await, dial(address, "/ws").await];
    drop(conns);
    within(async {
        while Arc::strong_count(&alive) > idle {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn keepalive_pings_of_the_router_reach_the_client() {
    async fn handler(ws: WebSocketUpgrade) -> Response {
        ws.on_upgrade(|mut socket| async move { while let Some(Ok(_)) = socket.recv().await {} })
    }
    let upgrader = Upgrader::new().config(Config::default().ping_interval(Duration::from_millis(20)));
    let address = serve(Router::new().route("/ws", any(handler)).layer(Extension(upgrader))).await;
    let mut conn = within(Dialer::new().dial(&format!("ws://{address}/ws"))).await.unwrap();
    let event = within(conn.read_event()).await.unwrap();
    assert!(matches!(event, Some(silverback::Event::Ping(_))), "{event:?}");
}
