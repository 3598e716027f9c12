//! The routes to a server and the other clients, over HTTP/2: proxies, Unix sockets, streams of the application,
//! `Reconnect` and the blocking client.

use silverback::{
    DialError, Dialer, Reconnect, Upgrader,
    dial::{DialStep, HttpVersion},
    reconnect::ReconnectEvent,
};
use silverback_testkit::http2::Server;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::TcpListener,
};

use super::network::{echo_network, network};
use crate::support::{Head, echo, within};

const URL: &str = "ws://server.example/chat";

async fn echo_over(dialer: &Dialer, url: &str) {
    let mut conn = within(dialer.dial(url)).await.unwrap();
    conn.write_message("hello").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
    within(conn.close(1000, "")).await.unwrap();
}

async fn serve(stream: impl silverback::ByteStream) {
    let mut http2 = Upgrader::new().serve_http2(stream);
    while let Some(accepted) = http2.accept().await {
        if let Ok((conn, _)) = accepted {
            tokio::spawn(echo(conn));
        }
    }
}

async fn read_head(stream: &mut DuplexStream) -> Head {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
    Head::parse(&head)
}

#[tokio::test]
async fn an_http_proxy_opens_one_tunnel_for_a_session() {
    let (dialer, mut connections) = network();
    let dialer = dialer.proxy("http://me:secret@proxy.example:3128");
    let serving = tokio::spawn(async move {
        let mut proxy = connections.next().await;
        let head = read_head(&mut proxy).await;
        assert_eq!(head.first_line, "CONNECT server.example:80 HTTP/1.1");
        assert!(head.header("proxy-authorization").is_some());
        proxy.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        let mut server = Server::serve(proxy);
        let mut streams = Vec::new();
        for _ in 0..2 {
            let asked = within(server.request()).await;
            assert!(!asked.request.headers().contains_key("proxy-authorization"));
            streams.push(asked.accept());
        }
        (connections.count(), streams)
    });
    let session = within(dialer.connect(URL)).await.unwrap();
    let _first = within(session.dial("/a")).await.unwrap();
    let _second = within(session.dial("/b")).await.unwrap();
    assert_eq!(within(serving).await.unwrap().0, 1);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_an_error_of_its_step() {
    let (dialer, mut connections) = network();
    let dialling = tokio::spawn(async move { dialer.proxy("http://proxy.example").dial(URL).await });
    let mut proxy = connections.next().await;
    read_head(&mut proxy).await;
    proxy.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
    let error = within(dialling).await.unwrap().unwrap_err();
    assert!(matches!(error, DialError::ProxyRefused { .. }), "{error}");
    assert_eq!((error.step(), error.refusal().unwrap().body.as_slice()), (Some(DialStep::Proxy), &b"no"[..]));
}

#[cfg(feature = "socks")]
#[tokio::test]
async fn a_socks_proxy_leads_to_the_server() {
    let (dialer, mut connections) = network();
    tokio::spawn(async move {
        let mut proxy = connections.next().await;
        let mut greeting = [0; 3];
        proxy.read_exact(&mut greeting).await.unwrap();
        proxy.write_all(&[5, 0]).await.unwrap();
        let mut request = [0; 4 + 1 + "server.example".len() + 2];
        proxy.read_exact(&mut request).await.unwrap();
        assert_eq!(&request[5..19], b"server.example");
        proxy.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        serve(proxy).await;
    });
    echo_over(&dialer.proxy("socks5h://proxy.example"), URL).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_leads_to_the_server() {
    let path = std::env::temp_dir().join(format!("silverback-http2-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    echo_over(&Dialer::new().http_version(HttpVersion::Http2).unix_socket(&path), URL).await;
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn tcp_leads_to_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        let mut http2 = Upgrader::new().serve_http2(listener.accept().await.unwrap().0);
        let (conn, _) = http2.accept().await.unwrap().unwrap();
        let addresses = (conn.local_addr(), conn.peer_addr());
        tokio::spawn(echo(conn));
        tokio::spawn(async move { http2.accept().await.is_none() });
        addresses
    });
    let dialer = Dialer::new().http_version(HttpVersion::Http2).resolve("server.example", address);
    let mut conn = within(dialer.dial(format!("ws://server.example:{}/", address.port()))).await.unwrap();
    let ours = (conn.peer_addr(), conn.local_addr());
    assert_eq!(ours.0, Some(address));
    assert_eq!(within(accepting).await.unwrap(), ours);
    conn.write_message("hello").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
    within(conn.close(1000, "")).await.unwrap();
}

/// The dialer does not know the ALPN protocol of a stream of the application.
#[tokio::test]
async fn a_stream_of_the_application_speaks_http_2_if_the_dialer_speaks_nothing_else() {
    let (near, far) = duplex(64 * 1024);
    tokio::spawn(serve(far));
    let mut conn = within(Dialer::new().http_version(HttpVersion::Http2).dial_on(near, URL)).await.unwrap();
    conn.write_message("hello").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("hello".into()));
    let (near, far) = duplex(64 * 1024);
    tokio::spawn(async move { echo(Upgrader::new().accept(far).await.unwrap()).await });
    within(Dialer::new().http_version(HttpVersion::Http2OrHttp1).dial_on(near, URL)).await.unwrap();
}

#[tokio::test]
async fn the_default_is_http_1_1() {
    assert_eq!(HttpVersion::default(), HttpVersion::Http1);
    let (near, far) = duplex(64 * 1024);
    tokio::spawn(async move { echo(Upgrader::new().accept(far).await.unwrap()).await });
    within(Dialer::new().dial_on(near, URL)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn reconnect_comes_back_over_http_2() {
    let (dialer, mut connections) = network();
    let mut conn = Reconnect::new(dialer, URL).start();
    for _ in 0..2 {
        let asking = async {
            let mut server = connections.next_server().await;
            let stream = within(server.request()).await.accept();
            (server, stream)
        };
        let (opened, (server, _stream)) = tokio::join!(within(conn.read_event()), asking);
        assert!(matches!(opened, Ok(Some(ReconnectEvent::Connected(_)))), "{opened:?}");
        server.vanish();
        let lost = within(conn.read_event()).await;
        assert!(matches!(lost, Ok(Some(ReconnectEvent::Disconnected(_)))), "{lost:?}");
    }
}

#[cfg(feature = "blocking")]
#[test]
fn the_blocking_client_works_over_http_2() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    runtime.spawn(async move { serve(listener.accept().await.unwrap().0).await });
    let dialer = Dialer::new().http_version(HttpVersion::Http2);
    let mut conn = silverback::blocking::dial_with(&dialer, &url).unwrap();
    for _ in 0..10 {
        conn.write_message("hello").unwrap();
        assert_eq!(conn.read_message().unwrap(), Some("hello".into()));
    }
    conn.close(1000, "").unwrap();
}

#[tokio::test]
async fn cookies_of_a_jar_are_sent_and_stored() {
    use http::{HeaderValue, Uri};
    use silverback::dial::CookieJar;
    use std::sync::{Arc, Mutex};

    struct Jar(Arc<Mutex<Vec<String>>>);

    impl CookieJar for Jar {
        fn cookies(&self, url: &Uri) -> Option<HeaderValue> {
            assert_eq!(url, "http://server.example/chat");
            Some(HeaderValue::from_static("a=1; b=2"))
        }

        fn store(&self, _url: &Uri, set_cookie: &mut dyn Iterator<Item = &HeaderValue>) {
            self.0.lock().unwrap().extend(set_cookie.map(|value| value.to_str().unwrap().to_owned()));
        }
    }

    let stored = Arc::new(Mutex::new(Vec::new()));
    let (dialer, mut connections) = network();
    let dialer = dialer.cookie_jar(Jar(stored.clone()));
    let dialling = tokio::spawn(async move { dialer.dial(URL).await });
    let mut server = connections.next_server().await;
    let asked = within(server.request()).await;
    assert_eq!(asked.request.headers()["cookie"], "a=1; b=2");
    let _stream = asked.answer(http::StatusCode::OK, &[("set-cookie", "c=3")]);
    within(dialling).await.unwrap().unwrap();
    assert_eq!(*stored.lock().unwrap(), ["c=3"]);
}

#[tokio::test]
async fn our_own_server_sees_the_origin_and_the_host() {
    let upgrader = Upgrader::new().allow_hosts(["server.example"]).unwrap();
    let (dialer, _count) = echo_network(&upgrader);
    echo_over(&dialer.clone().origin("http://server.example"), URL).await;
    let foreign = within(dialer.clone().origin("http://other.example").dial(URL)).await.unwrap_err();
    assert_eq!(foreign.refusal().unwrap().status, 403);
    // RFC 9113, 9.1.2: this connection is not for that authority.
    let misdirected = within(dialer.host_header("other.example").dial(URL)).await.unwrap_err();
    assert_eq!(misdirected.refusal().unwrap().status, 421);
}
