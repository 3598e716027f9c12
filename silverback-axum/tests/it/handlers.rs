// Handlers as applications write them for `axum::extract::ws`. `drop_in.rs` includes this file twice, once behind
// imports from axum and once behind imports from this crate: not a word differs.

/// The example in axum's documentation.
async fn echo(ws: WebSocketUpgrade) -> Response {
    ws.on_upgrade(handle_socket)
}

async fn handle_socket(mut socket: WebSocket) {
    while let Some(msg) = socket.recv().await {
        let msg = if let Ok(msg) = msg {
            msg
        } else {
            return;
        };
        if socket.send(msg).await.is_err() {
            return;
        }
    }
}

/// Two tasks on a split socket, and messages from each client to all clients.
async fn chat(ws: WebSocketUpgrade, State(room): State<broadcast::Sender<String>>) -> impl IntoResponse {
    ws.on_upgrade(move |socket| async move {
        let (mut sender, mut receiver) = socket.split();
        let Some(Ok(Message::Text(name))) = receiver.next().await else { return };
        let mut news = room.subscribe();
        sender.send(Message::Text(Utf8Bytes::from_static("welcome"))).await.unwrap();
        let mut send_task = tokio::spawn(async move {
            while let Ok(text) = news.recv().await {
                if sender.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
        });
        let mut recv_task = tokio::spawn(async move {
            while let Some(Ok(Message::Text(text))) = receiver.next().await {
                let _ = room.send(format!("{name}: {text}"));
            }
        });
        tokio::select! {
            _ = &mut send_task => recv_task.abort(),
            _ = &mut recv_task => send_task.abort(),
        }
    })
}

/// Describes each received message in words.
async fn describe(ws: WebSocketUpgrade, State(said): State<mpsc::UnboundedSender<String>>) -> Response {
    ws.on_upgrade(move |mut socket: WebSocket| async move {
        while let Some(received) = socket.recv().await {
            let words = match received {
                Ok(Message::Text(text)) => format!("text {text}"),
                Ok(Message::Binary(bytes)) => format!("binary {bytes:?}"),
                Ok(Message::Ping(payload)) => format!("ping {payload:?}"),
                Ok(Message::Pong(payload)) => format!("pong {payload:?}"),
                Ok(Message::Close(Some(CloseFrame { code, reason }))) => format!("close {code} {reason}"),
                Ok(Message::Close(None)) => "close".to_owned(),
                Err(_) => "error".to_owned(),
            };
            let _ = said.send(words);
        }
        let _ = said.send("end".to_owned());
    })
}

/// Sends a ping, closes, and returns at once.
async fn farewell(ws: WebSocketUpgrade) -> Response {
    ws.on_failed_upgrade(|error| panic!("{error}")).on_upgrade(|mut socket| async move {
        socket.send(Message::Ping(Bytes::from_static(b"still there?"))).await.unwrap();
        let close = CloseFrame { code: close_code::AWAY, reason: Utf8Bytes::from_static("Goodbye") };
        socket.send(Message::Close(Some(close))).await.unwrap();
    })
}

/// Sends a last message and closes through the sink.
async fn hang_up(ws: WebSocketUpgrade) -> Response {
    ws.on_upgrade(|socket| async move {
        let (mut sender, mut receiver) = socket.split();
        sender.send("last".into()).await.unwrap();
        sender.close().await.unwrap();
        while receiver.next().await.is_some() {}
    })
}

/// Sends the negotiated subprotocol.
async fn protocol(ws: WebSocketUpgrade) -> Response {
    let ws = ws.protocols(["graphql-ws", "graphql-transport-ws"]);
    let asked = ws.requested_protocols().count();
    let selected = ws.selected_protocol().cloned();
    ws.max_message_size(1024).max_frame_size(1024).write_buffer_size(4096).max_write_buffer_size(65_536).on_upgrade(
        move |mut socket| async move {
            assert_eq!(socket.protocol(), selected.as_ref());
            let name = selected.map_or_else(String::new, |name| name.to_str().unwrap().to_owned());
            let _ = socket.send(Message::Text(format!("{name} of {asked}").into())).await;
        },
    )
}

/// Errors are axum's.
async fn errors(ws: WebSocketUpgrade) -> Response {
    ws.on_upgrade(|mut socket| async move {
        let _: Option<Result<Message, axum::Error>> = socket.recv().await;
        let _: Result<(), axum::Error> = socket.send(Message::Binary(Bytes::from(vec![1, 2, 3]))).await;
    })
}

/// Echoes all messages except pings and pongs, with a subprotocol that is not the client's first choice.
async fn careful(ws: WebSocketUpgrade) -> Response {
    let ws = ws.protocols(["echo2", "echo"]);
    assert_eq!(ws.selected_protocol().unwrap(), "echo");
    ws.on_failed_upgrade(|_error: axum::Error| panic!("the client waits for the upgrade")).on_upgrade(
        |mut socket: WebSocket| async move {
            assert_eq!(socket.protocol().unwrap(), "echo");
            while let Some(Ok(message)) = socket.recv().await {
                match message {
                    Message::Text(_) | Message::Binary(_) | Message::Close(_) => {
                        if socket.send(message).await.is_err() {
                            break;
                        }
                    }
                    Message::Ping(_) | Message::Pong(_) => {}
                }
            }
        },
    )
}

/// Names the variant of a rejection.
async fn named(ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> &'static str {
    match ws {
        Ok(_) => "accepted",
        Err(WebSocketUpgradeRejection::MethodNotGet(_)) => "MethodNotGet",
        Err(WebSocketUpgradeRejection::InvalidConnectionHeader(_)) => "InvalidConnectionHeader",
        Err(WebSocketUpgradeRejection::InvalidUpgradeHeader(_)) => "InvalidUpgradeHeader",
        Err(WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_)) => "InvalidWebSocketVersionHeader",
        Err(WebSocketUpgradeRejection::WebSocketKeyHeaderMissing(_)) => "WebSocketKeyHeaderMissing",
        Err(WebSocketUpgradeRejection::ConnectionNotUpgradable(_)) => "ConnectionNotUpgradable",
        Err(_) => "another",
    }
}

/// Answers in the words and with the status of the rejection's own value.
async fn worded(ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
    match ws.unwrap_err() {
        WebSocketUpgradeRejection::MethodNotGet(why) => (why.status(), why.body_text()).into_response(),
        other => other.into_response(),
    }
}

pub(super) fn router(room: broadcast::Sender<String>, said: mpsc::UnboundedSender<String>) -> Router {
    Router::new()
        .route("/echo", any(echo))
        .route("/chat", any(chat).with_state(room))
        .route("/describe", get(describe).with_state(said))
        .route("/farewell", any(farewell))
        .route("/hang_up", any(hang_up))
        .route("/protocol", any(protocol))
        .route("/errors", any(errors))
        .route("/careful", any(careful))
        .route("/ws", any(named))
        .route("/worded", any(worded))
}
