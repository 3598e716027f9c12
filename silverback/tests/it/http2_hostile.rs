//! Clients that misuse our own server over HTTP/2.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use h2::{Reason, client::SendRequest, ext::Protocol};
use http::{HeaderMap, Request, Response};
use silverback::Upgrader;
use tokio::{
    io::{DuplexStream, duplex},
    task::yield_now,
};

use crate::support::within;

async fn client(near: DuplexStream) -> SendRequest<Bytes> {
    let (sender, connection) = h2::client::handshake(near).await.unwrap();
    tokio::spawn(async move { _ = connection.await });
    let sender = sender.ready().await.unwrap();
    while !sender.is_extended_connect_protocol_enabled() {
        yield_now().await;
    }
    sender
}

fn request(path: &str) -> Request<()> {
    let uri = format!("https://example.com{path}");
    let mut request = Request::connect(uri).header("sec-websocket-version", "13").body(()).unwrap();
    request.extensions_mut().insert(Protocol::from("websocket"));
    *request.version_mut() = http::Version::HTTP_2;
    request
}

/// Sends a greeting on each WebSocket.
fn serve(upgrader: &Upgrader) -> DuplexStream {
    let (near, far) = duplex(1024 * 1024);
    let mut http2 = upgrader.serve_http2(far);
    tokio::spawn(async move {
        while let Some(accepted) = http2.accept().await {
            let Ok((mut conn, _)) = accepted else { continue };
            tokio::spawn(async move {
                conn.write_message("welcome").await?;
                conn.read_message().await
            });
        }
    });
    near
}

#[tokio::test]
async fn a_hook_that_panics_delays_no_other_websocket() {
    let upgrader = Upgrader::new().on_request(|request| async move {
        assert_ne!(request.uri().path(), "/panic", "the hook panics on purpose");
        Ok(HeaderMap::new())
    });
    let near = serve(&upgrader);
    let mut client = client(near).await;
    let (bad, _first) = client.send_request(request("/panic"), false).unwrap();
    let (good, _second) = client.send_request(request("/ws"), false).unwrap();
    assert!(within(bad).await.is_err());
    let mut good = within(good).await.unwrap().into_body();
    assert!(within(good.data()).await.unwrap().unwrap().ends_with(b"welcome"));
}

async fn until(counter: &AtomicUsize, count: usize) {
    while counter.load(Ordering::SeqCst) != count {
        yield_now().await;
    }
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A client that sends requests and resets them ("rapid reset") keeps few hooks busy.
#[tokio::test]
async fn a_reset_ends_the_hook_of_its_request() {
    let running = Arc::new(AtomicUsize::new(0));
    let started = Arc::new(AtomicUsize::new(0));
    let counters = (running.clone(), started.clone());
    let upgrader = Upgrader::new().on_request(move |_| {
        let (running, started) = counters.clone();
        async move {
            running.fetch_add(1, Ordering::SeqCst);
            started.fetch_add(1, Ordering::SeqCst);
            let _running = Running(running);
            std::future::pending().await
        }
    });
    let near = serve(&upgrader);
    let mut client = client(near).await;
    for number in 1..=300 {
        let (_response, mut stream) = client.send_request(request("/ws"), false).unwrap();
        within(until(&started, number)).await;
        stream.send_reset(Reason::CANCEL);
    }
    within(until(&running, 0)).await;
}

/// RFC 9113, 8.2.2 forbids these fields, and h2 refuses to send them.
#[tokio::test]
async fn a_refusal_of_the_hook_loses_the_fields_of_http_1() {
    let upgrader = Upgrader::new().on_request(|_| async {
        let response = Response::builder().status(426).header("connection", "upgrade").header("upgrade", "websocket");
        Err(response.header("transfer-encoding", "chunked").body("Not here.".to_owned()).unwrap())
    });
    let mut client = client(serve(&upgrader)).await;
    let (refused, _stream) = client.send_request(request("/ws"), false).unwrap();
    let mut refused = within(refused).await.unwrap();
    assert_eq!(refused.status(), 426);
    assert_eq!(within(refused.body_mut().data()).await.unwrap().unwrap(), "Not here.");
}
