//! `Dialer` (RFC 6455, 4.1): its requests, and the check of responses against its offers.

use std::io;

use silverback::proto::handshake::{HandshakeError, Nonce};
use silverback::{Conn, DialError, Dialer, dial::DialStep};
use silverback_testkit::pipe::{Remote, pipe};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{Head, within};

mod a_refusal;
mod the_answer;
mod the_request;
mod what_is_no_answer;

const URL: &str = "ws://server.example.com/chat?room=1";

type Dialling = JoinHandle<Result<Conn, DialError>>;

fn dial(dialer: Dialer) -> (Dialling, Remote) {
    dial_to(dialer, URL)
}

fn dial_to(dialer: Dialer, url: &'static str) -> (Dialling, Remote) {
    let (pipe, remote) = pipe();
    (tokio::spawn(async move { dialer.dial_on(pipe, url).await }), remote.as_server())
}

/// The request, and the accept key that its nonce asks for.
async fn request(remote: &Remote) -> (Head, String) {
    let head = Head::parse(&within(remote.read_until("\r\n\r\n")).await);
    let nonce = Nonce::parse(head.header("sec-websocket-key").unwrap().as_bytes()).unwrap();
    let accept = nonce.accept_key().to_string();
    (head, accept)
}

fn answer(accept: &str, extra: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extra}\r\n"
    )
}

/// Dials, and is answered with what `answer` makes of the accept key.
async fn dial_and_answer(dialer: Dialer, answer: impl FnOnce(&str) -> String) -> Result<Conn, DialError> {
    let (dialling, remote) = dial(dialer);
    let (_, accept) = request(&remote).await;
    remote.send(answer(&accept));
    remote.half_close();
    within(dialling).await.unwrap()
}

async fn wrong_answer(answer: impl FnOnce(&str) -> String) -> HandshakeError {
    match dial_and_answer(Dialer::new().subprotocols(["chat"]), answer).await {
        Err(DialError::Answer { error, .. }) => error,
        other => panic!("expected a wrong answer, got {other:?}"),
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_by_its_step() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = within(Dialer::new().dial(&format!("ws://{address}/"))).await.unwrap_err();
    assert!(
        matches!(&error, DialError::Io { step: DialStep::Connect, target, source, .. }
            if *target == address.to_string() && source.kind() == io::ErrorKind::ConnectionRefused),
        "{error}"
    );
}

/// RFC 6455, 4.1 would have the second one wait for the first: see the decisions.
#[tokio::test]
async fn dials_to_one_address_do_not_wait_for_each_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (dialer, url) = (Dialer::new(), format!("ws://{}/", listener.local_addr().unwrap()));
    let first = tokio::spawn({
        let (dialer, url) = (dialer.clone(), url.clone());
        async move { dialer.dial(&url).await }
    });
    let (unanswered, _) = within(listener.accept()).await.unwrap();
    let serving = async { silverback::Upgrader::new().accept(listener.accept().await.unwrap().0).await };
    let (second, served) = within(async { tokio::join!(dialer.dial(&url), serving) }).await;
    assert!(second.is_ok() && served.is_ok() && !first.is_finished());
    drop(unanswered);
    assert!(within(first).await.unwrap().is_err());
}

#[cfg(not(any(feature = "rustls-tls", feature = "native-tls")))]
#[tokio::test]
async fn secure_urls_are_refused_without_tls_and_the_error_names_the_features() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = within(Dialer::new().dial(&format!("wss://{address}/"))).await.unwrap_err();
    assert!(matches!(error, DialError::TlsUnsupported), "{error}");
    assert!(error.to_string().contains("rustls-tls-platform-verifier"), "{error}");
    let nobody = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "it must not even connect");
}

#[tokio::test]
async fn addresses_of_ipv6_are_dialled() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        crate::support::echo(silverback::Upgrader::new().accept(stream).await.unwrap()).await
    });
    let mut conn = within(Dialer::new().dial(&url)).await.unwrap();
    conn.write_message("six").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("six".into()));
}
