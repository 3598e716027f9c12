//! Clients that misuse our own server over HTTP/2.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use h2::{Reason, client::SendRequest, ext::Protocol};
use http::{HeaderMap, Request, Response};
use silverback::Upgrader;
use tokio::{
    io::{DuplexStream, duplex},
    sync::oneshot,
    task::{JoinHandle, yield_now},
    time::{Instant, sleep, timeout},
};

use crate::support::within;

async fn client(near: DuplexStream) -> SendRequest<Bytes> {
    client_until(near, 64 * 1024, pending()).await
}

/// A client whose streams have this window. It neither reads nor writes any more once `stop` is ready, and keeps its
/// connection.
async fn client_until(
    near: DuplexStream,
    window: u32,
    stop: impl Future<Output = ()> + Send + 'static,
) -> SendRequest<Bytes> {
    let mut builder = h2::client::Builder::new();
    let (sender, mut connection) = builder.initial_window_size(window).handshake(near).await.unwrap();
    tokio::spawn(async move {
        tokio::select! {
            _ = &mut connection => {}
            () = stop => pending().await,
        }
    });
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
    serve_with_task(upgrader).0
}

fn serve_with_task(upgrader: &Upgrader) -> (DuplexStream, JoinHandle<()>) {
    let (near, far) = duplex(1024 * 1024);
    let mut http2 = upgrader.serve_http2(far);
    let serving = tokio::spawn(async move {
        while let Some(accepted) = http2.accept().await {
            let Ok((mut conn, _)) = accepted else { continue };
            tokio::spawn(async move {
                conn.write_message("welcome").await?;
                conn.read_message().await
            });
        }
    });
    (near, serving)
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
            pending().await
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

/// Returns after how many seconds the server has ended its connection.
async fn ended(serving: JoinHandle<()>) -> u64 {
    let begun = Instant::now();
    timeout(Duration::from_secs(3600), serving).await.expect("an end").unwrap();
    begun.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_websocket_ends() {
    let (near, serving) = serve_with_task(&Upgrader::new());
    let _client = client(near).await;
    assert_eq!(ended(serving).await, 20);
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_some_time_after_its_last_websocket() {
    let (near, serving) = serve_with_task(&Upgrader::new());
    let mut client = client(near).await;
    let (response, stream) = client.send_request(request("/ws"), false).unwrap();
    let response = within(response).await.unwrap();
    sleep(Duration::from_secs(15)).await;
    assert!(!serving.is_finished());
    drop((response, stream));
    assert_eq!(ended(serving).await, 15);
}

/// The responses wait for the window of the client.
#[tokio::test(start_paused = true)]
async fn refusals_that_are_not_read_do_not_keep_a_connection_open() {
    let (near, serving) = serve_with_task(&Upgrader::new());
    let mut client = client_until(near, 0, pending()).await;
    let mut refused = Vec::new();
    for _ in 0..100 {
        let mut get = Request::get("https://example.com/").body(()).unwrap();
        *get.version_mut() = http::Version::HTTP_2;
        let response = client.send_request(get, true).unwrap().0;
        refused.push(within(response).await.unwrap());
    }
    assert_eq!(ended(serving).await, 30);
}

/// The WebSocket ends by its own keepalive, and the connection after it.
#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_does_not_keep_a_connection_open() {
    let (near, serving) = serve_with_task(&Upgrader::new());
    let (hang, hangs) = oneshot::channel();
    let mut client = client_until(near, 64 * 1024, async { hangs.await.unwrap_or_default() }).await;
    let (response, _stream) = client.send_request(request("/ws"), false).unwrap();
    let _response = within(response).await.unwrap();
    hang.send(()).unwrap();
    assert!(ended(serving).await < 120);
}

#[tokio::test(start_paused = true)]
async fn refusals_that_are_not_read_do_not_stop_a_shutdown() {
    let (near, far) = duplex(1024 * 1024);
    let mut http2 = Upgrader::new().serve_http2(far);
    let serving = tokio::spawn(async move {
        assert!(matches!(http2.accept().await, Some(Err(_))));
        http2.shut_down();
        assert!(http2.accept().await.is_none());
    });
    let mut client = client_until(near, 0, pending()).await;
    let mut get = Request::get("https://example.com/").body(()).unwrap();
    *get.version_mut() = http::Version::HTTP_2;
    let _refused = within(client.send_request(get, true).unwrap().0).await.unwrap();
    assert_eq!(ended(serving).await, 20);
}
