use super::*;

#[tokio::test]
async fn it_waits_for_the_code_under_test_to_reach_a_stall() {
    let (pipe, remote) = pipe();
    let (mut reader, mut writer) = split(pipe);
    remote.plan_reads(Plan::new().stall());
    remote.plan_writes(Plan::new().stall());
    let reading = tokio::spawn(async move { reader.read_u8().await });
    let writing = tokio::spawn(async move { writer.write_u8(b'a').await });
    remote.send("b");
    remote.until(|counters| counters.blocked_reads == 1 && counters.blocked_writes == 1).await;
    remote.release_writes();
    writing.await.expect("no panic").expect("no error");
    assert_eq!(remote.counters().reads, 0);
    remote.release_reads();
    assert_eq!(reading.await.expect("no panic").expect("no error"), b'b');
}

#[test]
fn calls_are_counted() {
    let (mut pipe, remote) = pipe();
    remote.send("abc");
    assert_read(read_now(&mut pipe), "abc");
    assert!(read_now(&mut pipe).is_pending());
    remote.limit_capacity(2);
    assert_wrote(write_now(&mut pipe, "xyz"), 2);
    assert!(write_now(&mut pipe, "z").is_pending());
    assert!(poll_once(pipe.flush()).is_ready());
    assert!(poll_once(pipe.shutdown()).is_ready());
    remote.half_close();
    assert_read(read_now(&mut pipe), "");
    let expected = Counters {
        reads: 2,
        read_bytes: 3,
        blocked_reads: 1,
        writes: 1,
        vectored_writes: 0,
        written_bytes: 2,
        blocked_writes: 1,
        flushes: 1,
        blocked_flushes: 0,
        shutdowns: 1,
        // The end of input wakes the blocked reader, the shutdown wakes the blocked writer.
        wake_ups: 2,
    };
    assert_eq!(remote.counters(), expected);
}

#[tokio::test]
async fn it_masks_as_a_client_and_not_as_a_server() {
    let (mut pipe, remote) = pipe();
    let remote = remote.as_client();
    remote.send_frame(text("a"));
    let mut wire = [0; 7];
    pipe.read_exact(&mut wire).await.expect("seven bytes");
    assert_eq!(wire[..], text("a").masked(CLIENT_KEY).encode());

    let remote = remote.as_server();
    remote.send_frame(text("a"));
    let mut wire = [0; 3];
    pipe.read_exact(&mut wire).await.expect("three bytes");
    assert_eq!(wire[..], text("a").encode());
}

#[tokio::test]
async fn it_reads_a_head_and_then_frames() {
    let (mut pipe, remote) = pipe();
    let mut wire = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    wire.extend(ping("1").masked([1; 4]).encode());
    wire.extend(&close(1000, "").masked([2; 4]).encode()[..5]);
    pipe.write_all(&wire).await.expect("room");
    let remote = remote.as_server();
    assert_eq!(remote.read_until("\r\n\r\n").await, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(remote.received_frames(), [ping("1").masked([1; 4])]);
    assert_eq!(remote.received_frames(), []);
    pipe.write_all(&close(1000, "").masked([2; 4]).encode()[5..]).await.expect("room");
    remote.expect(close(1000, "")).await;
    drop(pipe);
    remote.ended().await;
    assert!(remote.is_dropped());
}

#[test]
fn a_dropped_wait_loses_nothing_and_another_task_goes_on() {
    let (mut pipe, remote) = pipe();
    let wire = text("abc").encode();
    assert!(poll_once(pipe.write_all(&wire[..3])).is_ready());
    let given_up = poll_once(drop_after_polls(1, remote.read_frame()));
    assert_eq!(given_up, Poll::Ready(None));

    let waker = CountingWaker::new();
    let mut waiting = std::pin::pin!(remote.read_frame());
    assert!(waker.poll(waiting.as_mut()).is_pending());
    assert!(poll_once(pipe.write_all(&wire[3..])).is_ready());
    assert_eq!(waker.count(), 1);
    assert_eq!(waker.poll(waiting), Poll::Ready(Some(text("abc"))));
}

#[test]
#[should_panic(expected = "the writer ended inside a frame, after 81 03 61")]
fn an_end_inside_a_frame_is_told() {
    let (mut pipe, remote) = pipe();
    assert!(poll_once(pipe.write_all(&text("abc").encode()[..3])).is_ready());
    drop(pipe);
    let _ = poll_once(remote.read_frame());
}

#[test]
#[should_panic(expected = "expected text(\"b\")\n     got text(\"a\")\n asked at")]
fn an_unexpected_frame_is_told_with_the_line_that_asked() {
    let (mut pipe, remote) = pipe();
    assert!(poll_once(pipe.write_all(&text("a").encode())).is_ready());
    let _ = poll_once(remote.expect(text("b")));
}
