//! The bytes of all messages in a row.

use std::{io, task::Poll};

use silverback_testkit::{
    cuts::{Random, one_byte_at_a_time, random_split},
    poll::poll_once,
    wire::{CLIENT_KEY, Frame, binary, close, continuation, ping, pong, text},
};
use tokio::io::AsyncReadExt;

use super::kind;
use crate::support::{send_together, server, server_config, settle, within};

fn conversation() -> [Frame; 8] {
    [
        binary("a"),
        binary([7; 300]).not_final(),
        ping("between"),
        continuation("").not_final(),
        continuation([8; 5000]),
        binary(""),
        binary("z"),
        close(1000, ""),
    ]
}

fn stream() -> Vec<u8> {
    [b"a".to_vec(), vec![7; 300], vec![8; 5000], b"z".to_vec()].concat()
}

#[tokio::test(start_paused = true)]
async fn knows_no_messages() {
    let (conn, remote) = server();
    send_together(&remote, conversation());
    remote.half_close();
    let mut tunnel = conn.into_tunnel();
    let mut bytes = Vec::new();
    within(tunnel.read_to_end(&mut bytes)).await.unwrap();
    assert!(bytes == stream());
    assert!(tunnel.close_info().unwrap().is_clean);
    assert_eq!(remote.received_frames(), [pong("between"), close(1000, "")]);
    assert_eq!(tunnel.read(&mut [0; 10]).await.unwrap(), 0, "the end stays the end");
}

#[tokio::test(start_paused = true)]
async fn gives_the_same_however_the_bytes_arrive_and_though_every_read_is_dropped() {
    let wire: Vec<u8> = conversation().into_iter().flat_map(|frame| frame.masked(CLIENT_KEY).encode()).collect();
    let ways = (0..40).map(|seed| random_split(&wire, 1 + seed as usize, seed));
    for (index, pieces) in ways.chain([one_byte_at_a_time(&wire).collect()]).enumerate() {
        let (conn, remote) = server();
        let mut tunnel = conn.into_tunnel();
        let mut random = Random::new(index as u64);
        let mut pieces = pieces.into_iter();
        let mut bytes = Vec::new();
        loop {
            let mut room = vec![0; 1 + random.below(if index % 2 == 0 { 5 } else { 10_000 })];
            match poll_once(tunnel.read(&mut room)).map(Result::unwrap) {
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
        assert!(bytes == stream(), "way {index}");
    }
}

/// One read of the transport, one read of the tunnel: small messages cost no call each.
#[tokio::test(start_paused = true)]
async fn gives_all_that_is_in_hand_at_once() {
    let (conn, remote) = server();
    send_together(&remote, (0..100).map(|number| binary([number])));
    let mut room = [0; 4096];
    let count = within(conn.into_tunnel().read(&mut room)).await.unwrap();
    assert!(room[..count].iter().copied().eq(0..100));
}

#[tokio::test(start_paused = true)]
async fn needs_no_limit_on_messages_because_it_holds_none() {
    let (conn, remote) = server_config(|config| config.max_message_size(10).max_fragments(2));
    let first = binary([7; 1000]).not_final();
    send_together(&remote, [first].into_iter().chain((0..50).map(|_| continuation([7; 1000]).not_final())));
    let mut bytes = vec![0; 51_000];
    within(conn.into_tunnel().read_exact(&mut bytes)).await.unwrap();
    assert!(bytes.iter().all(|byte| *byte == 7));
}

#[tokio::test(start_paused = true)]
async fn refuses_text_with_1003() {
    let (conn, remote) = server();
    let mut tunnel = conn.into_tunnel();
    send_together(&remote, [binary("before"), text("is not binary"), binary("after")]);
    let mut bytes = Vec::new();
    assert_eq!(kind(within(tunnel.read_to_end(&mut bytes)).await), Some(io::ErrorKind::InvalidData));
    assert_eq!(bytes, b"before");
    assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1003));
    let again = within(tunnel.read(&mut [0; 10])).await;
    assert_eq!(kind(again), Some(io::ErrorKind::InvalidData), "what follows is not the stream");
    drop(tunnel);
    remote.send_frame(close(1003, ""));
    remote.half_close();
    within(remote.ended()).await;
}

#[tokio::test(start_paused = true)]
async fn takes_text_where_it_was_told_to() {
    let (conn, remote) = server();
    send_together(&remote, [binary("a"), text("h\u{e9}"), close(1000, "")]);
    remote.half_close();
    let mut read = String::new();
    within(conn.into_tunnel().accept_text().read_to_string(&mut read)).await.unwrap();
    assert_eq!(read, "ah\u{e9}");
}
