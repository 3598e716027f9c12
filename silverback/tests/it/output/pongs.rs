//! Pongs (RFC 6455, 5.5.3) leave soon and are bounded.

use silverback::Error;
use silverback_testkit::pipe::Plan;
use silverback_testkit::wire::{binary, ping, pong, text};

use crate::support::{send_together, server, settle, within};

#[tokio::test(start_paused = true)]
async fn do_not_wait_behind_a_large_message_that_waits() {
    let (conn, remote) = server();
    remote.plan_writes(Plan::new().stall());
    let (writer, mut reader) = conn.split();
    writer.write_message(vec![1; 30_000]).await.unwrap();
    writer.write_message(vec![2; 30_000]).await.unwrap();
    tokio::spawn(async move { reader.read_message().await });
    remote.send_frame(ping("urgent"));
    settle().await;
    remote.release_writes();
    within(remote.expect(binary([1; 30_000]))).await;
    within(remote.expect(pong("urgent"))).await;
    within(remote.expect(binary([2; 30_000]))).await;
}

#[tokio::test(start_paused = true)]
async fn to_a_flood_of_pings_are_bounded_and_the_newest_is_among_them() {
    let (conn, remote) = server();
    remote.plan_writes(Plan::new().stall());
    let (writer, mut reader) = conn.split();
    writer.write_message("before").await.unwrap();
    tokio::spawn(async move { reader.read_message().await });
    for number in 0..100_000 {
        remote.send_frame(ping(format!("{number}")));
    }
    settle().await;
    assert!(writer.stats().queued_output < 200_000, "{} bytes wait", writer.stats().queued_output);
    remote.release_writes();
    let mut pongs = Vec::new();
    while pongs.last() != Some(&pong("99999")) {
        match within(remote.read_frame()).await.unwrap() {
            frame if frame == text("before") => {}
            frame => pongs.push(frame),
        }
    }
    assert!(pongs.len() < 50_000);
}

#[tokio::test(start_paused = true)]
async fn that_nobody_asked_for_are_sent_and_ignored() {
    let (conn, remote) = server();
    let (writer, mut reader) = conn.split();
    writer.pong(b"unasked").unwrap();
    within(remote.expect(pong("unasked"))).await;
    send_together(&remote, [pong("unasked"), pong(""), text("fine")]);
    assert_eq!(within(reader.read_message()).await.unwrap(), Some("fine".into()));
    assert_eq!(remote.received_frames(), []);
}

#[tokio::test(start_paused = true)]
async fn carry_every_payload_up_to_125_bytes() {
    let (mut conn, remote) = server();
    tokio::spawn(async move { conn.read_message().await });
    for len in [0, 1, 124, 125] {
        let payload = vec![len as u8; len];
        remote.send_frame(ping(&payload));
        within(remote.expect(pong(&payload))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn and_pings_of_more_than_125_bytes_are_refused_on_our_side() {
    let (mut conn, remote) = server();
    assert!(matches!(conn.ping(&[0; 126]), Err(Error::Send(_))));
    conn.ping(&[0; 125]).unwrap();
    assert_eq!(remote.received_frames(), [ping([0; 125])]);
}

#[tokio::test(start_paused = true)]
async fn are_on_the_wire_before_the_message_behind_their_ping_is_handed_out() {
    let (mut conn, remote) = server();
    send_together(&remote, [ping("first"), text("then")]);
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("then".into()));
    assert_eq!(remote.received_frames(), [pong("first")]);
}
