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
    assert_eq!(reading.count(), 1, "no task waits any more");
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
        remote.send_frame(text(format!("longer than the capacity: {number}")));
    }
    remote.half_close();
    for number in 0..100 {
        let expected = text(format!("longer than the capacity: {number}"));
        remote.expect(expected).await;
    }
    assert_eq!(remote.read_frame().await, None);
    echo.await.expect("no panic").expect("no error");
}
