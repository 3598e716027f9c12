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
    assert!(read_now(&mut pipe).is_pending(), "a pending read uses no step up");
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
    assert_eq!(waker.count(), 0, "bytes behind a stall wake no task");
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
    remote.plan_reads(Plan::new().stall());
    remote.send("unread");
    remote.limit_capacity(1);
    assert!(read_with(&reading, &mut reader).is_pending());
    assert!(writing.poll(writer.write_all(b"ab")).is_pending());
    remote.reset();
    assert_eq!((reading.count(), writing.count()), (1, 1));
    assert_fails(read_with(&reading, &mut reader), ErrorKind::ConnectionReset);
    assert_fails(writing.poll(writer.write(b"c")), ErrorKind::ConnectionReset);
    assert_fails(writing.poll(writer.flush()), ErrorKind::ConnectionReset);
}
