//! A connection that always has more to do lets others run.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use silverback::{Conn, Negotiated, Role, Settings};
use silverback_testkit::wire::{CLIENT_KEY, text};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::support::echo;

/// Gives the same frame again and again, and takes everything, without ever being busy.
struct Tireless {
    frame: Vec<u8>,
    given: Arc<AtomicUsize>,
}

impl AsyncRead for Tireless {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.given.load(Ordering::Relaxed) > ENOUGH {
            // Only for a reader that never gave others a turn: the test must end.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = into.filled().len();
        while into.remaining() >= self.frame.len() {
            into.put_slice(&self.frame);
        }
        self.given.fetch_add(into.filled().len() - before, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tireless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Goes to the end of the runtime's queue: tokio's own `yield_now` waits longer than that.
async fn next_turn() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[tokio::test]
async fn are_taken_though_the_peer_always_has_more_to_say() {
    let given = Arc::new(AtomicUsize::new(0));
    let frame = text("x".repeat(1000)).masked(CLIENT_KEY).encode();
    let transport = Tireless { frame, given: given.clone() };
    let conn = Conn::from_handshake(transport, Role::Server, Negotiated::default(), [], &Settings::default());
    let echoing = tokio::spawn(echo(conn));
    let other = tokio::spawn(async move {
        for turn in 1..=20 {
            next_turn().await;
            let given = given.load(Ordering::Relaxed);
            // It began before us.
            assert!(given <= (turn + 1) * A_TURN, "{given} bytes were read in {turn} turns");
        }
        assert!(given.load(Ordering::Relaxed) > 2 * A_TURN, "it goes on in its next turn");
    });
    other.await.unwrap();
    echoing.abort();
}

/// More than a connection may read before it lets others run: 256 KiB, and what the last read has brought.
const A_TURN: usize = 320 * 1024;
const ENOUGH: usize = 64 * 1024 * 1024;
