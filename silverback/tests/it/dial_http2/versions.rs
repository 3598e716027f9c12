//! The version of HTTP: the offer by ALPN, the choice of the server, and the way back to HTTP/1.1.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use h2::{Reason, server};
use http::Version;
use silverback::{
    DialError, Dialer, Upgrader,
    dial::{DialEvent, DialStep, HttpVersion, VersionFault},
    tls::Tls,
};
use silverback_testkit::http2::Server;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    support::{echo, within},
    tls::authority::Authority,
};

/// The behaviour of a server on connections over HTTP/2.
#[derive(Clone, Copy)]
enum Http2 {
    /// It echoes.
    WebSockets,
    /// It does not announce extended CONNECT.
    NoWebSockets,
    /// It announces it, and then asks for HTTP/1.1 (RFC 9113, 7).
    Http1Required,
}

/// A server with TLS that also takes WebSockets over HTTP/1.1.
struct Site {
    authority: Authority,
    address: SocketAddr,
    /// The protocol that each connection agreed on.
    agreed: Arc<Mutex<Vec<Option<String>>>>,
}

impl Site {
    async fn start(alpn: &[&str], http2: Http2) -> Self {
        let authority = Authority::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Arc::unwrap_or_clone(authority.server(&["127.0.0.1", "localhost"]).server_config());
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let agreed = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn({
            let agreed = agreed.clone();
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let Ok(stream) = acceptor.accept(stream).await else { continue };
                    let alpn =
                        stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
                    agreed.lock().unwrap().push(alpn.clone());
                    tokio::spawn(serve(stream, alpn, http2));
                }
            }
        });
        Self { authority, address, agreed }
    }

    fn dialer(&self, version: HttpVersion) -> Dialer {
        Dialer::new().tls(Tls::new().add_roots(self.authority.pem())).http_version(version)
    }

    fn url(&self) -> String {
        format!("wss://{}/echo", self.address)
    }

    fn agreed(&self) -> Vec<Option<String>> {
        self.agreed.lock().unwrap().clone()
    }
}

async fn serve(stream: TlsStream<TcpStream>, alpn: Option<String>, http2: Http2) {
    if alpn.as_deref() != Some("h2") {
        if let Ok(conn) = Upgrader::new().accept(stream).await {
            let _ = echo(conn).await;
        }
        return;
    }
    match http2 {
        Http2::WebSockets => {
            let mut http2 = Upgrader::new().serve_http2(stream);
            while let Some(accepted) = http2.accept().await {
                if let Ok((conn, _)) = accepted {
                    tokio::spawn(echo(conn));
                }
            }
        }
        Http2::NoWebSockets => drop(Server::serve_with(stream, &server::Builder::new()).ended().await),
        Http2::Http1Required => {
            let mut server = Server::serve(stream);
            server.request().await.reset(Reason::HTTP_1_1_REQUIRED);
            let _ = server.ended().await;
        }
    }
}

/// Returns the status of the response: 101 over HTTP/1.1, and 200 over HTTP/2.
async fn echo_over(dialer: &Dialer, url: &str) -> u16 {
    let (mut conn, response) = within(dialer.dial_with_response(url)).await.unwrap();
    conn.write_message("secret").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("secret".into()));
    within(conn.close(1000, "")).await.unwrap();
    response.status().as_u16()
}

fn h2() -> Option<String> {
    Some("h2".to_owned())
}

fn http1() -> Option<String> {
    Some("http/1.1".to_owned())
}

/// Each version with servers that prefer HTTP/2, prefer HTTP/1.1, have only one of them, and have no ALPN.
async fn check_choices(tls: impl Fn(Tls) -> Tls) {
    use HttpVersion::{Http1, Http2 as Only2, Http2OrHttp1};

    for (offered, version, agreed, status) in [
        (&["h2", "http/1.1"][..], Http1, http1(), 101),
        (&["h2", "http/1.1"], Only2, h2(), 200),
        (&["h2", "http/1.1"], Http2OrHttp1, h2(), 200),
        (&["http/1.1", "h2"], Http2OrHttp1, http1(), 101),
        (&["http/1.1"], Http2OrHttp1, http1(), 101),
        (&["h2"], Http2OrHttp1, h2(), 200),
        (&[], Http2OrHttp1, None, 101),
    ] {
        let site = Site::start(offered, Http2::WebSockets).await;
        let dialer = Dialer::new().tls(tls(Tls::new().add_roots(site.authority.pem()))).http_version(version);
        assert_eq!(echo_over(&dialer, &site.url()).await, status, "{offered:?} {version:?}");
        assert_eq!(site.agreed(), [agreed], "{offered:?} {version:?}");
    }
}

#[tokio::test]
async fn the_server_chooses_among_what_the_version_allows() {
    check_choices(|tls| tls).await;
}

#[cfg(feature = "native-tls")]
#[tokio::test]
async fn the_server_chooses_with_the_library_of_the_system_too() {
    check_choices(Tls::use_native_tls).await;
}

#[tokio::test]
async fn the_protocols_for_http_1_1_do_not_matter_for_http_2() {
    check_choices(|tls| tls.alpn(["http/1.1"])).await;
}

#[cfg(feature = "with-rustls-0_23")]
#[tokio::test]
async fn a_configuration_of_the_application_offers_what_the_version_needs() {
    for (version, status) in [(HttpVersion::Http1, 101), (HttpVersion::Http2, 200), (HttpVersion::Http2OrHttp1, 200)] {
        let site = Site::start(&["h2", "http/1.1"], Http2::WebSockets).await;
        let tls = Tls::from(site.authority.client_config());
        assert_eq!(echo_over(&Dialer::new().tls(tls).http_version(version), &site.url()).await, status);
    }
}

#[tokio::test]
async fn http_2_only_is_an_error_with_a_server_that_does_not_choose_it() {
    let site = Site::start(&[], Http2::WebSockets).await;
    let error = within(site.dialer(HttpVersion::Http2).dial(site.url())).await.unwrap_err();
    assert!(matches!(&error, DialError::HttpVersion { fault: VersionFault::Alpn { selected: None }, .. }), "{error:?}");
    assert_eq!((error.step(), error.peer()), (Some(DialStep::Tls), Some(site.address)));
    assert!(error.to_string().ends_with("does not take WebSockets over HTTP/2: it chose no protocol by ALPN"));
    // rustls ends the TLS handshake if none of the client's protocols is known.
    let site = Site::start(&["http/1.1"], Http2::WebSockets).await;
    let error = within(site.dialer(HttpVersion::Http2).dial(site.url())).await.unwrap_err();
    assert!(matches!(&error, DialError::HttpVersion { fault: VersionFault::Alpn { selected: None }, .. }), "{error:?}");
    assert_eq!(site.agreed(), []);
}

#[tokio::test]
async fn http_2_only_is_an_error_with_a_server_that_takes_no_websockets_over_it() {
    let site = Site::start(&["h2", "http/1.1"], Http2::NoWebSockets).await;
    let error = within(site.dialer(HttpVersion::Http2).dial(site.url())).await.unwrap_err();
    assert!(matches!(error, DialError::HttpVersion { fault: VersionFault::ExtendedConnect, .. }), "{error:?}");
    assert_eq!((error.step(), error.peer()), (Some(DialStep::Handshake), Some(site.address)));
    assert_eq!(site.agreed(), [h2()]);
}

/// The memory belongs to the origin and is shared by clones. A dialer with another route has its own.
#[tokio::test]
async fn a_server_without_websockets_over_http_2_gets_http_1_1_and_is_remembered() {
    for kind in [Http2::NoWebSockets, Http2::Http1Required] {
        let site = Site::start(&["h2", "http/1.1"], kind).await;
        let fell_back = Arc::new(Mutex::new(Vec::new()));
        let log = fell_back.clone();
        let dialer = site.dialer(HttpVersion::Http2OrHttp1).observer(move |event| {
            if let DialEvent::FellBack { target } = event {
                log.lock().unwrap().push((*target).to_owned());
            }
        });
        assert_eq!(echo_over(&dialer, &site.url()).await, 101);
        assert_eq!(site.agreed(), [h2(), http1()]);
        assert_eq!(echo_over(&dialer.clone().header("x-mine", "1"), &site.url()).await, 101);
        assert_eq!(site.agreed(), [h2(), http1(), http1()]);
        assert_eq!(*fell_back.lock().unwrap(), [site.address.to_string()]);
        // Another origin, and another route.
        let other_origin = format!("wss://localhost:{}/", site.address.port());
        let dialer = dialer.resolve("localhost", site.address);
        assert_eq!(echo_over(&dialer, &other_origin).await, 101);
        assert_eq!(site.agreed()[3..], [h2(), http1()]);
    }
}

#[tokio::test]
async fn a_session_with_such_a_server_opens_connections_over_http_1_1() {
    let site = Site::start(&["h2", "http/1.1"], Http2::NoWebSockets).await;
    let session = within(site.dialer(HttpVersion::Http2OrHttp1).connect(site.url())).await.unwrap();
    assert_eq!(session.version(), Version::HTTP_11);
    for _ in 0..2 {
        let mut conn = within(session.dial("/echo")).await.unwrap();
        conn.write_message("secret").await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("secret".into()));
    }
    assert_eq!(site.agreed(), [h2(), http1(), http1()]);
    // One that prefers HTTP/1.1 is known after a connection.
    let site = Site::start(&["http/1.1", "h2"], Http2::WebSockets).await;
    let session = within(site.dialer(HttpVersion::Http2OrHttp1).connect(site.url())).await.unwrap();
    assert_eq!(session.version(), Version::HTTP_11);
    within(session.dial("/echo")).await.unwrap();
    assert_eq!(site.agreed(), [http1(), http1()]);
}

/// The certificate is valid for both hosts.
#[tokio::test]
async fn a_session_uses_its_connection_for_no_other_origin() {
    let site = Site::start(&["h2"], Http2::WebSockets).await;
    let dialer = site.dialer(HttpVersion::Http2).resolve("localhost", site.address);
    for host in ["127.0.0.1", "localhost"] {
        let session = within(dialer.connect(format!("wss://{host}:{}", site.address.port()))).await.unwrap();
        within(session.dial("/echo")).await.unwrap();
        within(session.dial("/echo")).await.unwrap();
    }
    assert_eq!(site.agreed(), [h2(), h2()]);
}

#[tokio::test]
async fn without_tls_the_choice_is_http_1_1() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { echo(Upgrader::new().accept(listener.accept().await.unwrap().0).await.unwrap()).await });
    let dialer = Dialer::new().http_version(HttpVersion::Http2OrHttp1);
    assert_eq!(echo_over(&dialer, &url).await, 101);
}
