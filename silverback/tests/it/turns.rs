//! A busy connection lets other tasks run, whether it reads a lot or inflates a lot.

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

use silverback::{Conn, Negotiated, Role, Settings, proto::deflate::DeflateParams};
use silverback_testkit::{
    pipe::{Remote, pipe},
    wire::{CLIENT_KEY, Frame, binary, text},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::UnixStream,
};

use crate::support::{echo, send_together, within};

/// Returns the same frame in a loop, and accepts all output, without ever returning `Pending`.
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
        // It continues as soon as no other task has work.
        while given.load(Ordering::Relaxed) <= 2 * A_TURN {
            tokio::task::yield_now().await;
        }
    });
    other.await.unwrap();
    echoing.abort();
}

/// More than a connection may read before it lets others run: 256 KiB plus the last read.
const A_TURN: usize = 320 * 1024;
const ENOUGH: usize = 64 * 1024 * 1024;

mod inflating {
    use super::*;

    /// 7 KiB that inflate to 1 MiB of zeros.
    fn bomb() -> Frame {
        binary(zeros(MEBIBYTE)).rsv1()
    }

    /// A compressed payload (RFC 7692, 7.2.1) of one zero and then `copies` times 258 more.
    fn zeros(copies: usize) -> Vec<u8> {
        let mut bits = Bits::default();
        // A block with fixed codes (RFC 1951, 3.2.6) that is not the last, and the literal 0.
        bits.push(&[0, 1, 0]);
        bits.push(&[0, 0, 1, 1, 0, 0, 0, 0]);
        for _ in 0..copies {
            // Length 258, distance 1.
            bits.push(&[1, 1, 0, 0, 0, 1, 0, 1]);
            bits.push(&[0; 5]);
        }
        // The end of the block, and the beginning of the empty one whose rest the receiver adds.
        bits.push(&[0; 7]);
        bits.push(&[0; 3]);
        bits.bytes
    }

    /// Copies of 258 bytes.
    const MEBIBYTE: usize = 4065;

    #[derive(Default)]
    struct Bits {
        bytes: Vec<u8>,
        count: usize,
    }

    impl Bits {
        fn push(&mut self, bits: &[u8]) {
            for bit in bits {
                if self.count % 8 == 0 {
                    self.bytes.push(0);
                }
                *self.bytes.last_mut().unwrap() |= bit << (self.count % 8);
                self.count += 1;
            }
        }
    }

    fn compressed() -> (Conn, Remote) {
        let (pipe, remote) = pipe();
        let mut negotiated = Negotiated::default();
        negotiated.compression = Some(DeflateParams::default());
        (Conn::from_handshake(pipe, Role::Server, negotiated, [], &Settings::default()), remote.as_client())
    }

    /// Reads messages, and counts them.
    async fn count_messages(mut conn: Conn, read: Arc<AtomicUsize>) {
        while let Ok(Some(message)) = conn.read_message().await {
            assert!(message.len() > 1 << 20);
            read.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn many_messages_takes_a_turn_for_each_mebibyte() {
        let (conn, remote) = compressed();
        send_together(&remote, (0..50).map(|_| bomb()));
        let read = Arc::new(AtomicUsize::new(0));
        let reading = tokio::spawn(count_messages(conn, read.clone()));
        let mut before = 0;
        while before < 50 {
            assert!(!reading.is_finished());
            next_turn().await;
            let now = read.load(Ordering::Relaxed);
            assert!(now - before <= 2, "{} messages of 1 MiB in one turn", now - before);
            before = now;
        }
        reading.abort();
    }

    /// The driver of sockets has to look around, or a neighbour that waits for one would wait for 61 turns.
    #[tokio::test]
    async fn lets_the_neighbours_sockets_be_looked_at() {
        let (conn, remote) = compressed();
        send_together(&remote, (0..50).map(|_| bomb()));
        let (mut near, far) = UnixStream::pair().unwrap();
        let read = Arc::new(AtomicUsize::new(0));
        let (seen, asked) = (read.clone(), read.clone());
        let neighbour = tokio::spawn(async move {
            near.read_u8().await.unwrap();
            seen.load(Ordering::Relaxed)
        });
        let far = far.into_std().unwrap();
        let reading = tokio::spawn(async move {
            let mut reading = std::pin::pin!(count_messages(conn, read));
            let mut is_asked = false;
            poll_fn(|cx| {
                if asked.load(Ordering::Relaxed) > 0 && !std::mem::replace(&mut is_asked, true) {
                    io::Write::write_all(&mut &far, b"?").unwrap();
                }
                reading.as_mut().poll(cx)
            })
            .await;
        });
        let seen = within(neighbour).await.unwrap();
        assert!(seen <= 10, "{seen} messages were read before the neighbour had its turn");
        reading.abort();
    }

    /// One message, whose parts no application sees.
    #[tokio::test]
    async fn one_message_takes_several_turns() {
        let (conn, remote) = compressed();
        send_together(&remote, [binary(zeros(8 * MEBIBYTE)).rsv1()]);
        let read = Arc::new(AtomicUsize::new(0));
        let reading = tokio::spawn(count_messages(conn, read.clone()));
        let mut turns = 0;
        while read.load(Ordering::Relaxed) == 0 {
            assert!(!reading.is_finished());
            turns += 1;
            next_turn().await;
        }
        assert!(turns >= 5, "8 MiB in {turns} turns");
        reading.abort();
    }

    /// Input behind a message that used up a turn is processed even if no more arrives.
    #[tokio::test]
    async fn goes_on_with_what_is_in_hand() {
        let (mut conn, remote) = compressed();
        send_together(&remote, [bomb(), bomb(), bomb(), text("a"), bomb(), text("b"), bomb()]);
        let mut sizes = Vec::new();
        for _ in 0..7 {
            sizes.push(within(conn.read_message()).await.unwrap().unwrap().len());
        }
        let large = MEBIBYTE * 258 + 1;
        assert_eq!(sizes, [large, large, large, 1, large, 1, large]);
    }
}
