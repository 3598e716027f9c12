//! Shared by the tests: the program as a child process, raw HTTP and WebSocket clients, and waiting for conditions.

mod http;
mod program;
mod raw;
mod tls;

use std::{
    fs,
    future::{Future, poll_fn},
    net::SocketAddr,
    path::PathBuf,
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use silverback::{Conn, Dialer};

pub(crate) use self::{
    http::{Answer, ask, exchange, get, handshake, read_answer, try_ask},
    program::{Program, run},
    raw::{RawClient, frame},
    tls::{TlsClient, connect_tls, connect_tls_on, fingerprint},
};

/// No step of these tests takes this long, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A folder of this test's own.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("silverback-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Fails instead of hanging.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it hangs")
}

pub(crate) async fn dial(address: SocketAddr) -> Conn {
    within(Dialer::new().dial(&format!("ws://{address}/ws/echo"))).await.unwrap()
}

/// Sends a message and waits for its echo.
pub(crate) async fn check_echo(conn: &mut Conn, message: impl Into<silverback::Message>) {
    let message = message.into();
    within(conn.write_message(message.clone())).await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap().unwrap(), message);
}

/// Runs 25 handshakes at the same time at a service with 20 places. Each returns its status and what keeps it open.
pub(crate) async fn check_burst<T, F: Future<Output = (u16, T)>>(success: u16, handshakes: impl Iterator<Item = F>) {
    let mut running: Vec<_> = handshakes.map(Box::pin).collect();
    let mut done = Vec::new();
    let all = poll_fn(|cx| {
        running.retain_mut(|handshake| match handshake.as_mut().poll(cx) {
            Poll::Ready(answered) => {
                done.push(answered);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    });
    within(all).await;
    let number = |wanted| done.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((number(success), number(503)), (20, 5));
}
