//! A client talks to each of the servers.

use std::future::Future;
use std::io;

use silverback::Dialer;
use silverback_frameworks::{poem, salvo, warp};
use tokio::net::TcpListener;

async fn check<F: Future<Output = io::Result<()>> + Send + 'static>(serve: fn(TcpListener) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/echo", listener.local_addr().unwrap());
    tokio::spawn(serve(listener));

    let mut conn = Dialer::new().dial(&url).await.unwrap();
    conn.write_message("hello").await.unwrap();
    assert_eq!(conn.read_message().await.unwrap(), Some("hello".into()));
    conn.close(1000, "").await.unwrap();
    assert!(conn.close_info().unwrap().is_clean);

    let error = Dialer::new().origin("https://evil.example").dial(&url).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().status, 403);
}

#[tokio::test]
async fn poem_hands_its_stream_over() {
    check(poem::serve).await;
}

#[tokio::test]
async fn salvo_hands_its_stream_over() {
    check(salvo::serve).await;
}

#[tokio::test]
async fn warp_hands_its_stream_over() {
    check(warp::serve).await;
}
