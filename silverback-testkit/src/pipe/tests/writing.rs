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
    assert_eq!(remote.counters().blocked_flushes, 1);
    remote.release();
    assert_eq!(waker.count(), 1);
    assert!(poll_once(pipe.flush()).is_ready());
    assert_eq!(remote.received(), b"ab");
}
