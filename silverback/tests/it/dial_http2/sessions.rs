//! `Session`: which WebSockets share a connection, and when a new one is opened.

use std::{sync::atomic::Ordering, time::Duration};

use h2::{Reason, server};
use http::{StatusCode, Version};
use silverback::{Conn, DialError, Dialer, Session, Upgrader, dial::HttpVersion};
use silverback_testkit::{
    http2::{Asked, Server, Stream},
    wire::text,
};
use tokio::{
    io::{AsyncWriteExt, copy_bidirectional, duplex},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::network::{Connections, echo_network, network};
use crate::support::{PATIENCE, echo, settle, within};

const URL: &str = "ws://server.example";

type Dialling = JoinHandle<Result<Conn, DialError>>;

/// A session on its first connection.
async fn session() -> (Session, Connections, Server) {
    session_of(|dialer| dialer).await
}

async fn session_of(change: impl FnOnce(Dialer) -> Dialer) -> (Session, Connections, Server) {
    let (dialer, mut connections) = network();
    let dialer = change(dialer);
    let connecting = tokio::spawn(async move { dialer.connect(URL).await });
    let server = connections.next_server().await;
    (within(connecting).await.unwrap().unwrap(), connections, server)
}

fn dial(session: &Session, path: &str) -> Dialling {
    let (session, path) = (session.clone(), path.to_owned());
    tokio::spawn(async move { session.dial(path).await })
}

async fn opened(dialling: Dialling, asked: Asked) -> (Conn, Stream) {
    let stream = asked.accept();
    (within(dialling).await.unwrap().unwrap(), stream)
}

/// Opens a WebSocket on this server.
async fn open(session: &Session, server: &mut Server) -> (Conn, Stream) {
    let dialling = dial(session, "/ws");
    let asked = within(server.request()).await;
    opened(dialling, asked).await
}

async fn check_alive((conn, stream): &mut (Conn, Stream)) {
    conn.write_message("there?").await.unwrap();
    within(stream.expect(text("there?"))).await;
    stream.send_frame(text("here"));
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("here".into()));
}

mod sharing {
    use super::*;

    #[tokio::test]
    async fn ten_websockets_share_a_connection() {
        let (dialer, count) = echo_network(&Upgrader::new());
        let session = within(dialer.connect(URL)).await.unwrap();
        assert_eq!(session.version(), Version::HTTP_2);
        let mut conns = Vec::new();
        for number in 0..10 {
            let mut conn = within(session.dial(format!("/ws?number={number}"))).await.unwrap();
            conn.write_message(format!("hello {number}")).await.unwrap();
            conns.push(conn);
        }
        for (number, conn) in conns.iter_mut().enumerate() {
            assert_eq!(within(conn.read_message()).await.unwrap(), Some(format!("hello {number}").into()));
            within(conn.close(1000, "")).await.unwrap();
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn dials_at_the_same_time_share_one_too() {
        let (dialer, count) = echo_network(&Upgrader::new());
        let session = within(dialer.connect(URL)).await.unwrap();
        let dialling: Vec<Dialling> = (0..20).map(|_| dial(&session, "/ws")).collect();
        let mut conns = Vec::new();
        for dialling in dialling {
            conns.push(within(dialling).await.unwrap().unwrap());
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    /// Nine servers send without end, one of them empty messages in frames of their own.
    #[tokio::test]
    async fn websockets_that_are_not_read_do_not_stop_the_others() {
        let (dialer, count) = echo_network(&Upgrader::new());
        let session = within(dialer.connect(URL)).await.unwrap();
        let mut unread = vec![within(session.dial("/trickle")).await.unwrap()];
        for _ in 0..8 {
            unread.push(within(session.dial("/flood")).await.unwrap());
        }
        let mut read = within(session.dial("/ws")).await.unwrap();
        for number in 0..100 {
            read.write_message(format!("still here {number}")).await.unwrap();
            assert_eq!(within(read.read_message()).await.unwrap(), Some(format!("still here {number}").into()));
        }
        // Those that are read again go on.
        for conn in &mut unread {
            for _ in 0..100 {
                within(conn.read_message()).await.unwrap().unwrap();
            }
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    /// The window of one is full of DATA frames of one byte.
    #[tokio::test]
    async fn many_tiny_frames_to_one_do_not_stop_the_others() {
        let (session, connections, mut server) = session().await;
        let (_unread, mut flood) = open(&session, &mut server).await;
        let mut neighbour = open(&session, &mut server).await;
        for _ in 0..256 * 1024 {
            flood.send(b"x");
        }
        for _ in 0..100 {
            check_alive(&mut neighbour).await;
        }
        open(&session, &mut server).await;
        assert_eq!(connections.count(), 1);
    }

    #[tokio::test]
    async fn two_sessions_share_nothing() {
        let (dialer, count) = echo_network(&Upgrader::new());
        for _ in 0..2 {
            let session = within(dialer.connect(URL)).await.unwrap();
            within(session.dial("/ws")).await.unwrap();
        }
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn the_path_and_its_query_are_those_of_the_dial() {
        let (session, _connections, mut server) = session().await;
        for (path, sent) in [("/", "/"), ("/news?room=1&x=\"", "/news?room=1&x=%22"), ("//a", "//a")] {
            let dialling = dial(&session, path);
            let asked = within(server.request()).await;
            assert_eq!(asked.request.uri().to_string(), format!("http://server.example{sent}"));
            opened(dialling, asked).await;
        }
        for path in ["", "news", "?room=1", "ws://other.example/"] {
            let error = session.dial(path).await.unwrap_err();
            assert!(matches!(error, DialError::Path) && error.is_misuse(), "{error}");
        }
        assert!(matches!(session.dial("/#fragment").await, Err(DialError::Request(_))));
    }

    #[tokio::test]
    async fn a_websocket_that_has_closed_makes_room() {
        let (dialer, count) = echo_network(&Upgrader::new());
        let session = within(dialer.connect(URL)).await.unwrap();
        for _ in 0..300 {
            let mut conn = within(session.dial("/ws")).await.unwrap();
            within(conn.close(1000, "")).await.unwrap();
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn http_1_1_gives_each_websocket_a_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            for _ in 0..2 {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move { echo(Upgrader::new().accept(stream).await.unwrap()).await });
            }
        });
        for version in [HttpVersion::Http1, HttpVersion::Http2OrHttp1] {
            let session = within(Dialer::new().http_version(version).connect(&url)).await.unwrap();
            assert_eq!(session.version(), Version::HTTP_11);
            let (mut conn, response) = within(session.dial_with_response("/ws")).await.unwrap();
            assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
            conn.write_message("hello").await.unwrap();
            assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
        }
        within(serving).await.unwrap();
    }
}

mod a_new_connection {
    use super::*;

    #[tokio::test]
    async fn follows_a_goaway_and_open_websockets_live_on() {
        let (session, mut connections, mut server) = session().await;
        let mut old = open(&session, &mut server).await;
        server.go_away();
        check_alive(&mut old).await;
        let dialling = dial(&session, "/ws");
        let mut second = connections.next_server().await;
        let asked = within(second.request()).await;
        let mut new = opened(dialling, asked).await;
        check_alive(&mut old).await;
        check_alive(&mut new).await;
        // The old connection ends with its last WebSocket.
        drop(old);
        within(server.ended()).await.unwrap();
        check_alive(&mut new).await;
        assert_eq!(connections.count(), 2);
    }

    #[tokio::test]
    async fn follows_a_stream_that_is_refused() {
        let (session, mut connections, mut server) = session().await;
        let mut old = open(&session, &mut server).await;
        let dialling = dial(&session, "/ws");
        let asked = within(server.request()).await;
        asked.reset(Reason::REFUSED_STREAM);
        let mut second = connections.next_server().await;
        let asked = within(second.request()).await;
        let mut new = opened(dialling, asked).await;
        check_alive(&mut old).await;
        check_alive(&mut new).await;
        assert_eq!(connections.count(), 2);
    }

    #[tokio::test]
    async fn is_tried_a_few_times_if_the_server_refuses_every_stream() {
        let (session, mut connections, mut server) = session().await;
        let dialling = dial(&session, "/ws");
        within(server.request()).await.reset(Reason::REFUSED_STREAM);
        for _ in 0..2 {
            let mut next = connections.next_server().await;
            within(next.request()).await.reset(Reason::REFUSED_STREAM);
        }
        let error = within(dialling).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("refused stream"), "{error}");
        settle().await;
        assert_eq!(connections.count(), 3);
    }

    #[tokio::test]
    async fn follows_a_connection_that_has_broken() {
        let (session, mut connections, mut server) = session().await;
        let (mut old, _stream) = open(&session, &mut server).await;
        server.vanish();
        within(old.read_message()).await.unwrap_err();
        let dialling = dial(&session, "/ws");
        let mut second = connections.next_server().await;
        let asked = within(second.request()).await;
        check_alive(&mut opened(dialling, asked).await).await;
    }

    #[tokio::test]
    async fn follows_a_connection_that_the_server_ended_with_an_error() {
        let (session, mut connections, mut server) = session().await;
        let (mut old, _stream) = open(&session, &mut server).await;
        server.abort(Reason::ENHANCE_YOUR_CALM);
        within(old.read_message()).await.unwrap_err();
        let dialling = dial(&session, "/ws");
        let mut second = connections.next_server().await;
        let asked = within(second.request()).await;
        check_alive(&mut opened(dialling, asked).await).await;
    }

    #[tokio::test]
    async fn follows_a_connection_that_breaks_during_a_handshake() {
        let (session, mut connections, mut server) = session().await;
        let dialling = dial(&session, "/ws");
        within(server.request()).await;
        server.vanish();
        let mut second = connections.next_server().await;
        let asked = within(second.request()).await;
        check_alive(&mut opened(dialling, asked).await).await;
    }

    /// Perhaps the connection is dead.
    #[tokio::test(start_paused = true)]
    async fn follows_a_request_that_was_not_answered_in_time() {
        let (session, mut connections, mut server) = session().await;
        let mut old = open(&session, &mut server).await;
        let error = within(dial(&session, "/slow")).await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        let dialling = dial(&session, "/ws");
        let mut second = connections.next_server().await;
        let asked = within(second.request()).await;
        check_alive(&mut opened(dialling, asked).await).await;
        check_alive(&mut old).await;
    }

    #[tokio::test]
    async fn takes_what_the_server_does_not_allow_on_the_first() {
        let (dialer, mut connections) = network();
        let connecting = tokio::spawn(async move { dialer.connect(URL).await });
        let mut one = server::Builder::new();
        one.enable_connect_protocol().max_concurrent_streams(1);
        let mut servers = vec![Server::serve_with(connections.next().await, &one)];
        let session = within(connecting).await.unwrap().unwrap();
        let mut open = Vec::new();
        for _ in 0..3 {
            let dialling = dial(&session, "/ws");
            if !open.is_empty() {
                servers.push(Server::serve_with(connections.next().await, &one));
            }
            let asked = within(servers.last_mut().unwrap().request()).await;
            open.push(opened(dialling, asked).await);
        }
        for both in &mut open {
            check_alive(both).await;
        }
        assert_eq!(connections.count(), 3);
    }

    #[tokio::test]
    async fn takes_the_hundred_and_first_websocket() {
        let (session, mut connections, mut server) = session().await;
        let mut open_ones = Vec::new();
        for _ in 0..100 {
            open_ones.push(open(&session, &mut server).await);
        }
        let dialling = dial(&session, "/ws");
        let mut second = connections.next_server().await;
        let asked = within(second.request()).await;
        check_alive(&mut opened(dialling, asked).await).await;
        check_alive(&mut open_ones[99]).await;
    }

    /// RFC 9113, 5.1.2: the server may allow streams later.
    #[tokio::test(start_paused = true)]
    async fn waits_within_the_time_limit_for_a_server_that_allows_no_stream() {
        let (dialer, mut connections) = network();
        let begun = Instant::now();
        let connecting = tokio::spawn(async move { dialer.connect(URL).await });
        let mut none = server::Builder::new();
        none.enable_connect_protocol().max_concurrent_streams(0);
        let _server = Server::serve_with(connections.next().await, &none);
        let error = within(connecting).await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
    }
}

mod the_life_of_a_connection {
    use super::*;

    #[tokio::test]
    async fn goes_on_without_its_session_until_the_last_websocket_ends() {
        let (session, connections, mut server) = session().await;
        let mut first = open(&session, &mut server).await;
        let mut second = open(&session, &mut server).await;
        drop(session);
        check_alive(&mut first).await;
        drop(first);
        check_alive(&mut second).await;
        let (conn, stream) = second;
        drop(conn);
        within(server.ended()).await.unwrap();
        drop(stream);
        assert_eq!(connections.count(), 1);
    }

    #[tokio::test]
    async fn ends_with_a_session_that_opens_nothing() {
        let (session, _connections, server) = session().await;
        drop(session.clone());
        drop(session);
        within(server.ended()).await.unwrap();
    }

    /// The WebSocket's keepalive goes on, and the session has no idle timeout while a WebSocket is open.
    #[tokio::test(start_paused = true)]
    async fn is_not_limited_while_a_websocket_is_open() {
        let (session, connections, mut server) = session().await;
        let (mut conn, mut stream) = open(&session, &mut server).await;
        let reading = tokio::spawn(async move { conn.read_message().await });
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(600) {
            let ping = within(stream.receive()).await.unwrap().unwrap();
            assert_eq!(ping.opcode, 0x9);
            stream.send_frame(silverback_testkit::wire::pong(ping.payload));
        }
        assert!(!reading.is_finished());
        open(&session, &mut server).await;
        assert_eq!(connections.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn ends_after_about_a_minute_without_a_websocket_and_the_next_dial_opens_another() {
        let (session, mut connections, mut server) = session().await;
        drop(open(&session, &mut server).await);
        let begun = Instant::now();
        tokio::time::timeout(PATIENCE * 2, server.ended()).await.unwrap().unwrap();
        assert!((50..=70).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        let dialling = dial(&session, "/ws");
        let mut second = connections.next_server().await;
        let asked = within(second.request()).await;
        check_alive(&mut opened(dialling, asked).await).await;
    }

    /// Otherwise its task would never end.
    #[tokio::test(start_paused = true)]
    async fn ends_even_if_the_server_reads_nothing_any_more() {
        let (dialer, mut connections) = network();
        let dialling = tokio::spawn(async move { dialer.dial(format!("{URL}/ws")).await });
        let (mut outer, inner) = duplex(64 * 1024);
        let mut end = connections.next().await;
        // The windows are larger than the pipe.
        let mut settings = server::Builder::new();
        settings.enable_connect_protocol().initial_window_size(1 << 24).initial_connection_window_size(1 << 24);
        let mut server = Server::serve_with(inner, &settings);
        let (stop, stopped) = oneshot::channel::<()>();
        let relay = tokio::spawn(async move {
            tokio::select! {
                _ = copy_bidirectional(&mut end, &mut outer) => {}
                _ = stopped => {}
            }
            (end, outer)
        });
        let asked = within(server.request()).await;
        let (mut conn, _stream) = opened(dialling, asked).await;
        stop.send(()).unwrap();
        let (mut end, _outer) = within(relay).await.unwrap();
        // The pipe takes the client's output until it is full.
        for _ in 0..200 {
            let _ = conn.try_write_message(vec![0; 16 * 1024]);
            settle().await;
        }
        drop(conn);
        sleep(PATIENCE).await;
        // Nothing was read, so the end in order has not been sent.
        end.write_all(b"x").await.unwrap_err();
    }
}

mod redirects {
    use super::*;

    #[tokio::test]
    async fn stay_on_the_connection_for_the_same_origin_and_leave_it_for_others() {
        let (session, mut connections, mut server) = session_of(|dialer| dialer.redirects(2)).await;
        let dialling = dial(&session, "/old");
        let first = within(server.request()).await;
        drop(first.answer(StatusCode::FOUND, &[("location", "/new"), ("set-cookie", "a=1")]));
        let second = within(server.request()).await;
        assert_eq!(
            (second.request.uri().path(), &second.request.headers()["cookie"]),
            ("/new", &"a=1".parse().unwrap())
        );
        // The same server and certificate would do, but it is another origin.
        drop(second.answer(StatusCode::TEMPORARY_REDIRECT, &[("location", "ws://other.example/newest")]));
        let mut other = connections.next_server().await;
        let asked = within(other.request()).await;
        assert_eq!(asked.request.uri(), "http://other.example/newest");
        check_alive(&mut opened(dialling, asked).await).await;
        open(&session, &mut server).await;
        assert_eq!(connections.count(), 2);
    }
}
