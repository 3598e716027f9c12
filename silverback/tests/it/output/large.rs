//! Large messages are encoded while the connection stays free for its reader and for control frames. RFC 7692, 7.2.1:
//! the order of the compression window is the order of the wire.

use std::{pin::pin, task::Poll, thread};

use futures_util::SinkExt;
use silverback::{Compression, Conn, Event, Message, MessageRef, PreparedMessage, TryWriteError, Writer};
use silverback_testkit::{
    cuts::Random,
    poll::{CountingWaker, poll_once},
    wire::binary,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{over_tcp, server, settle, within};

/// Text that takes several pieces of work to compress, and is no more than the peer accepts.
fn large() -> String {
    (0..300_000).map(|number| format!("{number} ")).collect()
}

async fn compressed() -> (Conn, Conn) {
    over_tcp(Some(Compression::default())).await
}

async fn expect(conn: &mut Conn, messages: impl IntoIterator<Item = impl Into<Message>>) {
    for message in messages {
        let read = within(conn.read_message()).await.unwrap();
        assert!(read == Some(message.into()), "{:?} bytes", read.map(|message| message.len()));
    }
}

#[tokio::test]
async fn leave_the_connection_to_its_reader_while_they_are_compressed() {
    let (near, mut far) = compressed().await;
    let (writer, mut reader) = near.split();
    let waker = CountingWaker::new();
    let mut writing = pin!(writer.write_message(large()));
    assert!(waker.poll(writing.as_mut()).is_pending());
    // Its frame is not made yet. A message comes, a ping goes and is answered, and other messages wait.
    far.write_message("meanwhile").await.unwrap();
    assert_eq!(within(reader.read_message()).await.unwrap(), Some("meanwhile".into()));
    writer.ping(b"meanwhile").unwrap();
    assert!(matches!(within(far.read_event()).await.unwrap(), Some(Event::Ping(_))));
    assert!(matches!(within(reader.read_event()).await.unwrap(), Some(Event::Pong(_))));
    assert!(matches!(writer.try_write_message("no"), Err(TryWriteError::Full(_))));
    let mut second = pin!(writer.write_message("second"));
    assert!(waker.poll(second.as_mut()).is_pending());
    let receiving = tokio::spawn(async move {
        expect(&mut far, [large(), "second".to_owned()]).await;
        far
    });
    within(writing).await.unwrap();
    within(second).await.unwrap();
    within(receiving).await.unwrap();
}

#[tokio::test]
async fn hold_no_lock_even_where_their_writer_does_not_yield() {
    let (near, _far) = compressed().await;
    let (writer, _reader) = near.split();
    let mut text = Message::from("some text or other ".repeat(4_000_000));
    let other = writer.clone();
    let working = thread::spawn(move || {
        loop {
            match other.try_write_message(text) {
                Err(TryWriteError::Full(back)) => text = back,
                done => return done,
            }
        }
    });
    // While it works the connection counts as full, although almost nothing is queued. This is visible only if the lock
    // is free.
    let mut was_free = false;
    while !was_free && !working.is_finished() {
        tokio::task::yield_now().await;
        let is_at_work = matches!(writer.try_write_message(""), Err(TryWriteError::Full(_)));
        was_free = is_at_work && writer.stats().queued_output < 1000;
    }
    assert!(was_free, "the lock was held from the beginning to the end");
    working.join().unwrap().unwrap();
}

#[tokio::test]
async fn pass_their_turn_on_when_they_are_dropped_half_done() {
    let (near, mut far) = compressed().await;
    let (writer, _reader) = near.split();
    writer.write_message("before").await.unwrap();
    for polls in 1..4 {
        let waker = CountingWaker::new();
        let mut given_up = Box::pin(writer.write_message(large()));
        (0..polls).for_each(|_| assert!(waker.poll(given_up.as_mut()).is_pending()));
        let waiting = tokio::spawn({
            let writer = writer.clone();
            async move { writer.write_message("waiting").await }
        });
        settle().await;
        assert!(!waiting.is_finished());
        drop(given_up);
        within(waiting).await.unwrap().unwrap();
    }
    let receiving = tokio::spawn(async move {
        let messages = ["before", "waiting", "waiting", "waiting"].map(str::to_owned);
        expect(&mut far, messages.into_iter().chain([large(), "after".to_owned()])).await;
    });
    within(writer.write_message(large())).await.unwrap();
    within(writer.write_message("after")).await.unwrap();
    within(receiving).await.unwrap();
}

#[tokio::test]
async fn are_not_accepted_when_the_close_comes_first() {
    let (near, mut far) = compressed().await;
    let (writer, mut reader) = near.split();
    let waker = CountingWaker::new();
    let mut writing = pin!(writer.write_message(large()));
    assert!(waker.poll(writing.as_mut()).is_pending());
    writer.start_close(1000, "").unwrap();
    assert!(within(writing).await.unwrap_err().is_closing());
    let (near, far) = tokio::join!(reader.read_message(), far.read_message());
    assert!(matches!((near, far), (Ok(None), Ok(None))));
}

/// Every way to write one, in both roles, with compression and without, next to small ones.
#[tokio::test]
async fn arrive_however_they_are_written() {
    for compression in [None, Some(Compression::default()), Some(Compression::default().no_context_takeover())] {
        for flips in [false, true] {
            let (client, server) = over_tcp(compression.clone()).await;
            let (near, mut far) = if flips { (server, client) } else { (client, server) };
            let (writer, _reader) = near.split();
            let noise = Random::new(3).bytes(700_000);
            let all = [Message::from(large()), Message::from(noise)];
            let receiving = tokio::spawn({
                let all = all.clone();
                async move {
                    for message in all {
                        for _ in 0..5 {
                            expect(&mut far, [message.clone(), Message::from("small")]).await;
                        }
                    }
                }
            });
            for message in all {
                write_every_way(&writer, message).await;
            }
            within(receiving).await.unwrap();
        }
    }
}

async fn write_every_way(writer: &Writer, message: Message) {
    within(writer.write_message(message.clone())).await.unwrap();
    within(writer.write_message("small")).await.unwrap();
    within(writer.write_borrowed(MessageRef::from(&message))).await.unwrap();
    within(writer.write_message("small")).await.unwrap();
    let mut plain = writer.clone();
    plain.set_write_compression(false);
    within(plain.write_message(message.clone())).await.unwrap();
    within(writer.write_message("small")).await.unwrap();
    within(writer.write_prepared(&PreparedMessage::new(message.clone()))).await.unwrap();
    within(writer.write_message("small")).await.unwrap();
    within(writer.flush()).await.unwrap();
    writer.try_write_message(message).unwrap();
    within(writer.write_message("small")).await.unwrap();
}

#[tokio::test]
async fn make_a_sink_keep_its_message_until_it_is_polled_again() {
    let (mut near, mut far) = compressed().await;
    let writer = near.halves().0.clone();
    for closes in [false, true] {
        let waker = CountingWaker::new();
        // The sink was told that there is room, and then a large message came.
        assert!(poll_once(std::future::poll_fn(|cx| SinkExt::<Message>::poll_ready_unpin(&mut near, cx))).is_ready());
        let mut writing = pin!(writer.write_message(large()));
        assert!(waker.poll(writing.as_mut()).is_pending());
        SinkExt::<Message>::start_send_unpin(&mut near, "from the sink".into()).unwrap();
        assert!(poll_once(SinkExt::<Message>::flush(&mut near)).is_pending());
        let receiving = tokio::spawn(async move {
            expect(&mut far, [large(), "from the sink".to_owned()]).await;
            far
        });
        within(writing).await.unwrap();
        if closes {
            within(SinkExt::<Message>::close(&mut near)).await.unwrap();
        } else {
            within(SinkExt::<Message>::flush(&mut near)).await.unwrap();
        }
        far = within(receiving).await.unwrap();
    }
    assert!(matches!(poll_once(SinkExt::<Message>::feed(&mut near, large().into())), Poll::Ready(Err(_))));
}

#[tokio::test]
async fn go_through_sinks_and_tunnels() {
    let (mut near, mut far) = compressed().await;
    let sending = tokio::spawn(async move {
        SinkExt::<Message>::send(&mut near, large().into()).await.unwrap();
        let mut tunnel = near.into_tunnel().max_chunk_size(1 << 20);
        tunnel.write_all(large().as_bytes()).await.unwrap();
        tunnel.shutdown().await.unwrap();
        tunnel
    });
    expect(&mut far, [large()]).await;
    let mut read = String::new();
    within(far.into_tunnel().read_to_string(&mut read)).await.unwrap();
    assert!(read == large());
    within(sending).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn leave_in_several_writes_that_let_others_in_between() {
    let (conn, remote) = server();
    let (writer, _reader) = conn.split();
    let payload = vec![7; 5 << 20];
    writer.write_message(payload.clone()).await.unwrap();
    assert!(writer.stats().queued_output > 0, "one hold of the lock does not write all of it");
    // The rest is sent without a task that waits for it.
    drop((writer, _reader));
    within(remote.expect(binary(payload))).await;
    settle().await;
    assert!(remote.is_dropped());
}
