//! `join_messages`: all messages as one stream of bytes.

use std::{io, task::Poll};

use silverback::{Compression, Conn, Reader};
use silverback_testkit::{
    cuts::{Random, one_byte_at_a_time, random_split},
    pipe::Plan,
    poll::poll_once,
    wire::{CLIENT_KEY, Frame, binary, close, continuation, ping, pong, text},
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, ReadBuf};

use crate::support::{over_tcp, send_together, server, server_config, settle, within};

fn conversation() -> [Frame; 9] {
    [
        text("one"),
        binary([1, 2, 3]).not_final(),
        ping("between"),
        continuation("").not_final(),
        continuation([4; 5000]),
        text(""),
        text("\u{1f98d}"),
        binary([]),
        close(1000, ""),
    ]
}

fn joined(terminator: &str) -> Vec<u8> {
    let messages = [b"one".to_vec(), [vec![1, 2, 3], vec![4; 5000]].concat(), vec![], "\u{1f98d}".into(), vec![]];
    messages.into_iter().flat_map(|message| [message, terminator.into()].concat()).collect()
}

async fn read_all(conn: &mut Conn, terminator: &'static str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    within(conn.join_messages(terminator).read_to_end(&mut bytes)).await?;
    Ok(bytes)
}

#[tokio::test(start_paused = true)]
async fn puts_the_terminator_after_each_message() {
    for terminator in ["", "\n", "---\r\n", "\u{1f98d}"] {
        let (mut conn, remote) = server();
        send_together(&remote, conversation());
        remote.half_close();
        assert!(read_all(&mut conn, terminator).await.unwrap() == joined(terminator), "{terminator:?}");
        assert!(conn.close_info().unwrap().is_clean);
        assert_eq!(remote.received_frames(), [pong("between"), close(1000, "")]);
        assert!(read_all(&mut conn, terminator).await.unwrap().is_empty(), "the end stays the end");
    }
}

#[tokio::test]
async fn comes_whole_over_real_sockets_compressed_or_not() {
    for compression in [None, Some(Compression::default())] {
        let (mut near, mut far) = over_tcp(compression).await;
        let lines: Vec<String> = (0..1000).map(|number| format!("{number} {}", "line".repeat(number))).collect();
        let expected = lines.join("\n") + "\n";
        let sending = tokio::spawn(async move {
            for line in lines {
                far.write_message(line).await.unwrap();
            }
            far.close(1000, "").await.unwrap();
        });
        assert!(read_all(&mut near, "\n").await.unwrap() == expected.as_bytes());
        within(sending).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn gives_lines_to_a_buffered_reader() {
    let (mut conn, remote) = server();
    send_together(&remote, [text("one"), text("two\nthree"), close(1000, "")]);
    remote.half_close();
    let mut lines = BufReader::new(conn.join_messages("\n")).lines();
    for expected in [Some("one"), Some("two"), Some("three"), None] {
        assert_eq!(within(lines.next_line()).await.unwrap().as_deref(), expected);
    }
}

/// Cut at every byte and at random, read into room of every size: always the same bytes.
#[tokio::test(start_paused = true)]
async fn gives_the_same_however_the_bytes_arrive_and_are_read() {
    let wire: Vec<u8> = conversation().into_iter().flat_map(|frame| frame.masked(CLIENT_KEY).encode()).collect();
    let ways = (0..40).map(|seed| random_split(&wire, 1 + seed as usize, seed));
    for (index, pieces) in ways.chain([one_byte_at_a_time(&wire).collect()]).enumerate() {
        let (mut conn, remote) = server();
        let mut random = Random::new(index as u64);
        let mut pieces = pieces.into_iter();
        let mut bytes = Vec::new();
        let mut joined_messages = conn.join_messages("|||");
        loop {
            let mut room = vec![0; 1 + random.below(6)];
            match poll_once(joined_messages.read(&mut room)).map(Result::unwrap) {
                Poll::Ready(0) => break,
                Poll::Ready(count) => bytes.extend_from_slice(&room[..count]),
                Poll::Pending => match pieces.next() {
                    Some(piece) => remote.send(piece),
                    None => {
                        remote.half_close();
                        settle().await;
                    }
                },
            }
        }
        assert!(bytes == joined("|||"), "way {index}");
    }
}

/// A burst of messages costs one read.
#[tokio::test(start_paused = true)]
async fn gives_all_that_is_in_hand_at_once() {
    let (mut conn, remote) = server();
    send_together(&remote, (0..100).map(|number| text(format!("{number}"))));
    let mut room = [0; 4096];
    let count = within(conn.join_messages(",").read(&mut room)).await.unwrap();
    let expected: String = (0..100).map(|number| format!("{number},")).collect();
    assert_eq!(&room[..count], expected.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn skips_the_rest_of_a_message_when_it_is_dropped() {
    for read in 0..=7 {
        let (mut conn, remote) = server();
        send_together(&remote, [text("first"), text("second"), text("third")]);
        conn.join_messages("||").read_exact(&mut vec![0; read]).await.unwrap();
        let expected = if read == 0 { "first" } else { "second" };
        assert_eq!(within(conn.read_message()).await.unwrap(), Some(expected.into()), "after {read} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn holds_the_limit_for_each_message_and_not_for_all() {
    let (mut conn, remote) = server_config(|config| config.max_message_size(100));
    send_together(&remote, (0..50).map(|_| binary([7; 100])).chain([binary([7; 101])]));
    remote.half_close();
    let mut bytes = Vec::new();
    let error = within(conn.join_messages("").read_to_end(&mut bytes)).await.unwrap_err();
    assert_eq!((error.kind(), bytes.len()), (io::ErrorKind::InvalidData, 5000));
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1009));
    assert!(read_all(&mut conn, "").await.unwrap().is_empty(), "an error is told once");
}

#[tokio::test(start_paused = true)]
async fn fails_when_the_connection_is_lost_between_messages_or_inside() {
    for frames in [vec![text("whole")], vec![text("whole"), text("half").not_final()]] {
        let (mut conn, remote) = server();
        send_together(&remote, frames);
        remote.half_close();
        let mut bytes = Vec::new();
        let error = within(conn.join_messages("\n").read_to_end(&mut bytes)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(bytes.starts_with(b"whole\n"));
    }
    let (mut conn, remote) = server();
    remote.plan_reads(Plan::new().error(io::ErrorKind::ConnectionReset));
    assert_eq!(read_all(&mut conn, "").await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn asks_for_nothing_when_there_is_no_room() {
    let (conn, remote) = server();
    let (_writer, mut reader): (_, Reader) = conn.split();
    remote.send_frame(text("later"));
    let mut joined = reader.join_messages("\n");
    let mut room = ReadBuf::new(&mut []);
    let polled = poll_once(std::future::poll_fn(|cx| {
        tokio::io::AsyncRead::poll_read(std::pin::Pin::new(&mut joined), cx, &mut room)
    }));
    assert!(matches!(polled, Poll::Ready(Ok(()))));
    let mut bytes = [0; 6];
    within(joined.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"later\n");
}
