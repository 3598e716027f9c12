use super::*;
use crate::poll::{CountingWaker, drop_after_polls, poll_once};
use crate::wire::{CLIENT_KEY, close, ping, text};
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};

/// One read of up to 64 bytes, polled once.
fn read_now(pipe: &mut Pipe) -> Poll<io::Result<Vec<u8>>> {
    read_with(&CountingWaker::new(), pipe)
}

fn read_with(
    waker: &CountingWaker,
    pipe: &mut (impl AsyncRead + Unpin),
) -> Poll<io::Result<Vec<u8>>> {
    let mut buffer = [0; 64];
    let result = waker.poll(pipe.read(&mut buffer));
    result.map_ok(|count| buffer[..count].to_vec())
}

fn write_now(pipe: &mut Pipe, bytes: &str) -> Poll<io::Result<usize>> {
    poll_once(pipe.write(bytes.as_bytes()))
}

#[track_caller]
fn assert_read(result: Poll<io::Result<Vec<u8>>>, expected: &str) {
    let Poll::Ready(Ok(bytes)) = result else {
        panic!("expected {expected:?}, got {result:?}");
    };
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

#[track_caller]
fn assert_wrote(result: Poll<io::Result<usize>>, expected: usize) {
    let Poll::Ready(Ok(count)) = result else {
        panic!("expected {expected} bytes written, got {result:?}");
    };
    assert_eq!(count, expected);
}

#[track_caller]
fn assert_fails<T: std::fmt::Debug>(result: Poll<io::Result<T>>, expected: ErrorKind) {
    let Poll::Ready(Err(error)) = result else {
        panic!("expected {expected}, got {result:?}");
    };
    assert_eq!(error.kind(), expected);
}

mod reading {
    use super::*;

    #[test]
    fn bytes_sent_are_read_at_once_and_in_order() {
        let (mut pipe, remote) = pipe();
        remote.send("ab");
        remote.send("c");
        assert_read(read_now(&mut pipe), "abc");
        assert!(read_now(&mut pipe).is_pending());
    }

    #[test]
    fn a_planned_read_gives_no_more_than_planned() {
        let (mut pipe, remote) = pipe();
        remote.plan_reads(Plan::new().read_at_most(3).pass().read_at_most(1).forever());
        assert!(
            read_now(&mut pipe).is_pending(),
            "a pending read uses no step up"
        );
        remote.send("abcdefgh");
        assert_read(read_now(&mut pipe), "abc");
        assert_read(read_now(&mut pipe), "defgh");
        remote.send("ijk");
        for expected in ["i", "j", "k"] {
            assert_read(read_now(&mut pipe), expected);
        }
    }

    #[test]
    fn a_stall_holds_until_it_is_released() {
        let (mut pipe, remote) = pipe();
        let waker = CountingWaker::new();
        remote.plan_reads(Plan::new().read_at_most(2).stall());
        remote.send("abcd");
        assert_read(read_now(&mut pipe), "ab");
        assert!(read_with(&waker, &mut pipe).is_pending());
        remote.send("e");
        assert_eq!(waker.count(), 0, "bytes behind a stall wake nobody");
        remote.release();
        assert_eq!(waker.count(), 1);
        assert_read(read_now(&mut pipe), "cde");
    }

    #[test]
    fn a_stall_may_be_released_before_it_is_reached() {
        let (mut pipe, remote) = pipe();
        remote.plan_reads(Plan::new().read_at_most(1).stall().read_at_most(1));
        remote.send("abc");
        remote.release();
        assert_read(read_now(&mut pipe), "a");
        assert_read(read_now(&mut pipe), "b");
        assert_read(read_now(&mut pipe), "c");
    }

    #[test]
    #[should_panic(expected = "no plan has a stall to release")]
    fn a_release_without_a_stall_is_a_mistake_of_the_test() {
        pipe().1.release();
    }

    #[test]
    fn an_error_happens_once_and_loses_nothing() {
        let (mut pipe, remote) = pipe();
        remote.plan_reads(Plan::new().error(ErrorKind::TimedOut));
        remote.send("a");
        assert_fails(read_now(&mut pipe), ErrorKind::TimedOut);
        assert_read(read_now(&mut pipe), "a");
    }

    #[test]
    fn a_planned_end_is_final_whatever_was_sent() {
        let (mut pipe, remote) = pipe();
        remote.plan_reads(Plan::new().read_at_most(1).eof());
        remote.send("abc");
        assert_read(read_now(&mut pipe), "a");
        assert_read(read_now(&mut pipe), "");
        assert_read(read_now(&mut pipe), "");
    }

    #[test]
    fn half_a_close_ends_reads_after_the_last_byte_and_leaves_writes_alone() {
        let (mut pipe, remote) = pipe();
        remote.send("a");
        remote.half_close();
        assert_read(read_now(&mut pipe), "a");
        assert_read(read_now(&mut pipe), "");
        assert_wrote(write_now(&mut pipe, "b"), 1);
        assert_eq!(remote.received(), b"b");
    }

    #[test]
    fn a_reset_fails_both_directions_and_wakes_both() {
        let (pipe, remote) = pipe();
        let (mut reader, mut writer) = split(pipe);
        let (reading, writing) = (CountingWaker::new(), CountingWaker::new());
        remote.limit_capacity(1);
        assert!(read_with(&reading, &mut reader).is_pending());
        assert!(writing.poll(writer.write_all(b"ab")).is_pending());
        remote.send("unread");
        remote.reset();
        assert_eq!((reading.count(), writing.count()), (1, 1));
        assert_fails(read_with(&reading, &mut reader), ErrorKind::ConnectionReset);
        assert_fails(writing.poll(writer.write(b"c")), ErrorKind::ConnectionReset);
        assert_fails(writing.poll(writer.flush()), ErrorKind::ConnectionReset);
    }
}

mod writing {
    use super::*;

    #[test]
    fn a_planned_write_takes_no_more_than_planned() {
        let (mut pipe, remote) = pipe();
        remote.plan_writes(Plan::new().write_at_most(2).eof().error(ErrorKind::Other));
        assert_wrote(write_now(&mut pipe, "abc"), 2);
        assert_wrote(write_now(&mut pipe, "c"), 0);
        assert_fails(write_now(&mut pipe, "c"), ErrorKind::Other);
        assert_wrote(write_now(&mut pipe, "c"), 1);
        assert_eq!(remote.received(), b"abc");
        assert_eq!(remote.received(), b"");
    }

    #[test]
    fn a_stalled_writer_is_woken_by_the_release() {
        let (mut pipe, remote) = pipe();
        let waker = CountingWaker::new();
        remote.plan_writes(Plan::new().stall());
        assert!(waker.poll(pipe.write(b"a")).is_pending());
        assert_eq!(remote.received(), b"");
        remote.release();
        assert_eq!(waker.count(), 1);
        assert_wrote(write_now(&mut pipe, "a"), 1);
    }

    #[test]
    fn a_full_pipe_blocks_until_bytes_are_taken() {
        let (mut pipe, remote) = pipe();
        let waker = CountingWaker::new();
        remote.limit_capacity(3);
        assert_wrote(write_now(&mut pipe, "abcde"), 3);
        assert!(waker.poll(pipe.write(b"de")).is_pending());
        assert_eq!(waker.count(), 0);
        assert_eq!(remote.received(), b"abc");
        assert_eq!(waker.count(), 1);
        assert_wrote(write_now(&mut pipe, "de"), 2);
    }

    #[test]
    fn a_vectored_write_joins_its_slices_up_to_the_limit() {
        let (mut pipe, remote) = pipe();
        let slices = ["ab", "", "cd"].map(|part| IoSlice::new(part.as_bytes()));
        assert!(pipe.is_write_vectored());
        remote.plan_writes(Plan::new().write_at_most(3));
        assert_wrote(poll_once(pipe.write_vectored(&slices)), 3);
        assert_wrote(poll_once(pipe.write_vectored(&slices)), 4);
        assert_eq!(remote.received(), b"abcabcd");
        assert_eq!(remote.counters().vectored_writes, 2);
    }

    #[test]
    fn a_transport_without_vectored_writes_takes_the_first_slice() {
        let (mut pipe, remote) = pipe();
        let slices = ["", "ab", "cd"].map(|part| IoSlice::new(part.as_bytes()));
        remote.refuse_vectored_writes();
        assert!(!pipe.is_write_vectored());
        assert_wrote(poll_once(pipe.write_vectored(&slices)), 2);
        assert_wrote(poll_once(pipe.write_vectored(&slices[..1])), 0);
        assert_eq!(remote.counters().vectored_writes, 0);
    }

    #[test]
    fn nothing_can_be_written_after_shutdown_or_to_a_closed_remote() {
        let (mut first, remote) = pipe();
        assert!(!remote.is_shut_down());
        assert!(poll_once(first.shutdown()).is_ready());
        assert!(remote.is_shut_down());
        assert_fails(write_now(&mut first, "a"), ErrorKind::BrokenPipe);

        let (mut second, remote) = pipe();
        drop(remote);
        assert_fails(write_now(&mut second, "a"), ErrorKind::BrokenPipe);
        assert_read(read_now(&mut second), "");
    }

    #[test]
    fn a_held_write_is_seen_after_the_flush() {
        let (mut pipe, remote) = pipe();
        remote.hold_until_flush();
        assert_wrote(write_now(&mut pipe, "ab"), 2);
        assert_eq!(remote.received(), b"");
        assert!(poll_once(pipe.flush()).is_ready());
        assert_wrote(write_now(&mut pipe, "c"), 1);
        assert_eq!(remote.received(), b"ab");
        assert!(poll_once(pipe.shutdown()).is_ready());
        assert_eq!(remote.received(), b"c");
    }

    #[test]
    fn a_flush_of_held_bytes_waits_at_a_stall_even_when_the_pipe_is_full() {
        let (mut pipe, remote) = pipe();
        let waker = CountingWaker::new();
        remote.hold_until_flush();
        remote.limit_capacity(2);
        remote.plan_writes(Plan::new().pass().stall());
        assert_wrote(write_now(&mut pipe, "ab"), 2);
        assert!(waker.poll(pipe.flush()).is_pending());
        remote.release();
        assert_eq!(waker.count(), 1);
        assert!(poll_once(pipe.flush()).is_ready());
        assert_eq!(remote.received(), b"ab");
    }
}

mod wakers {
    use super::*;

    #[test]
    fn reader_and_writer_on_two_tasks_are_woken_each_for_its_own_reason() {
        let (pipe, remote) = pipe();
        let (mut reader, mut writer) = split(pipe);
        let (reading, writing) = (CountingWaker::new(), CountingWaker::new());
        remote.plan_writes(Plan::new().stall());
        assert!(read_with(&reading, &mut reader).is_pending());
        assert!(writing.poll(writer.write(b"x")).is_pending());

        remote.send("a");
        assert_eq!((reading.count(), writing.count()), (1, 0));
        remote.release();
        assert_eq!((reading.count(), writing.count()), (1, 1));
        remote.send("b");
        assert_eq!(reading.count(), 1, "nobody is waiting any more");
        assert_eq!(remote.counters().wake_ups, 2);
    }

    #[test]
    fn only_the_waker_of_the_last_poll_is_woken() {
        let (mut pipe, remote) = pipe();
        let (first, second) = (CountingWaker::new(), CountingWaker::new());
        assert!(read_with(&first, &mut pipe).is_pending());
        assert!(read_with(&second, &mut pipe).is_pending());
        remote.send("a");
        assert_eq!((first.count(), second.count()), (0, 1));

        remote.limit_capacity(0);
        assert!(first.poll(pipe.write(b"b")).is_pending());
        assert!(second.poll(pipe.write(b"b")).is_pending());
        remote.limit_capacity(1);
        assert_eq!((first.count(), second.count()), (0, 2));
    }

    #[test]
    fn a_wake_up_for_nothing_changes_nothing() {
        let (mut pipe, remote) = pipe();
        let waker = CountingWaker::new();
        assert!(read_with(&waker, &mut pipe).is_pending());
        remote.wake_for_nothing();
        assert_eq!(waker.count(), 1);
        assert!(read_with(&waker, &mut pipe).is_pending());
        remote.half_close();
        assert_eq!(waker.count(), 2);
    }

    #[tokio::test]
    async fn two_tasks_pass_many_bytes_through_a_narrow_pipe() {
        let (pipe, remote) = pipe();
        let (mut reader, mut writer) = split(pipe);
        remote.limit_capacity(7);
        remote.plan_reads(Plan::new().read_at_most(5).forever());
        let echo = tokio::spawn(async move {
            tokio::io::copy(&mut reader, &mut writer).await?;
            writer.shutdown().await
        });
        for number in 0..100 {
            remote.send_frame(text(number.to_string()));
        }
        remote.half_close();
        for number in 0..100 {
            // A frame must fit the capacity, or it could never be seen whole.
            remote.expect(text(number.to_string())).await;
        }
        assert_eq!(remote.read_frame().await, None);
        echo.await.expect("no panic").expect("no error");
    }
}

mod the_remote {
    use super::*;

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
            shutdowns: 1,
            // The blocked reader by the end of input, the blocked writer by the shutdown.
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
        assert_eq!(
            remote.read_until("\r\n\r\n").await,
            b"GET / HTTP/1.1\r\n\r\n"
        );
        assert_eq!(remote.received_frames(), [ping("1").masked([1; 4])]);
        assert_eq!(remote.received_frames(), []);
        pipe.write_all(&close(1000, "").masked([2; 4]).encode()[5..])
            .await
            .expect("room");
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
        assert_wrote(write_now(&mut pipe, "\u{1}"), 1);
        let _ = remote.received();
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
}
