//! Exactly the accepted messages that had not left are returned.

use silverback::{Message, reconnect::ReconnectState};
use silverback_testkit::wire::frame;

use super::*;
use crate::support::settle;

fn numbered(number: u8) -> Message {
    Message::binary(vec![number; 10_000])
}

/// A connection whose transport takes no more than these bytes.
async fn stuck(taken: usize) -> (ReconnectingConn, Server, Remote) {
    let (client, mut server) = client();
    let mut conn = client.start();
    let (remote, connected) = tokio::join!(server.accept(), within(conn.read_event()));
    assert!(matches!(connected, Ok(Some(ReconnectEvent::Connected(_)))));
    remote.limit_capacity(taken);
    (conn, server, remote)
}

async fn undelivered(conn: &mut ReconnectingConn) -> Vec<Message> {
    match within(conn.read_message()).await {
        Err(ReconnectError::Undelivered(outage)) => outage.undelivered,
        other => panic!("expected the unsent messages, got {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_had_not_left_is_given_back_in_its_order_and_it_goes_on() {
    // The first message and its header of 8 bytes have left, and half of the second.
    let (mut conn, mut server, remote) = stuck(15_000).await;
    for number in 1..=4 {
        conn.write_message(numbered(number)).await.unwrap();
    }
    settle().await;
    remote.reset();
    assert_eq!(undelivered(&mut conn).await, [2, 3, 4].map(numbered));
    let (remote, message) = tokio::join!(
        async {
            let remote = server.accept().await;
            remote.send_frame(text("again"));
            remote
        },
        within(conn.read_message())
    );
    assert_eq!(message.unwrap(), Some("again".into()));
    drop(remote);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_last_byte_has_left_is_not_given_back_and_one_that_lacks_it_is() {
    for (taken, expected) in [(10_008, 0), (10_007, 1)] {
        let (mut conn, mut server, remote) = stuck(taken).await;
        conn.write_message(numbered(1)).await.unwrap();
        settle().await;
        remote.reset();
        let end = tokio::select! {
            end = within(conn.read_message()) => end,
            _ = server.connection() => Ok(None),
        };
        assert_eq!(end.err().map_or(0, |error| error.undelivered().len()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn pings_that_overtake_do_not_pass_for_messages_that_have_left() {
    let message = |number: u8| Message::binary(vec![number; 100_000]);
    let (mut conn, _server, remote) = stuck(1).await;
    for number in 1..=3 {
        conn.write_message(message(number)).await.unwrap();
    }
    let writer = conn.writer().connection().unwrap();
    for _ in 0..10 {
        writer.ping(&[0; 100]).unwrap();
    }
    // The size of the first two messages with their headers of 14 bytes. The pings are among these bytes.
    remote.limit_capacity(2 * 100_014);
    settle().await;
    remote.reset();
    assert_eq!(undelivered(&mut conn).await, [2, 3].map(message));
}

#[tokio::test(start_paused = true)]
async fn what_has_left_is_forgotten() {
    let (mut conn, mut server, remote) = stuck(usize::MAX).await;
    for number in 1..=100 {
        conn.write_message(numbered(number)).await.unwrap();
    }
    settle().await;
    remote.half_close();
    let event = within(conn.read_event()).await.unwrap();
    assert!(matches!(&event, Some(ReconnectEvent::Disconnected(outage)) if outage.undelivered.is_empty()), "{event:?}");
    assert!(server.is_alone());
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_finds_the_connection_broken_gets_its_own_message_back_too() {
    let (mut conn, mut server, remote) = stuck(5).await;
    conn.write_message("first").await.unwrap();
    remote.reset();
    settle().await;
    // No read has happened yet, so the write detects the loss.
    let rest = match within(conn.write_message("second")).await {
        Err(ReconnectError::Undelivered(outage)) => outage.undelivered,
        other => panic!("{other:?}"),
    };
    assert_eq!(rest, ["first".into(), "second".into()]);
    let writing = async {
        for message in rest {
            conn.write_message(message).await.unwrap();
        }
        conn.writer().flush().await.unwrap();
    };
    let (remote, ()) = tokio::join!(server.accept(), within(writing));
    within(remote.expect(text("first"))).await;
    within(remote.expect(text("second"))).await;
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_end_is_read_after_a_write_has_found_the_end() {
    let (mut conn, mut server, remote) = stuck(usize::MAX).await;
    remote.send_frame(text("one"));
    remote.send_frame(text("two"));
    remote.close();
    // It is the transport that refuses this, and the next write that is told.
    conn.write_message("lost").await.unwrap();
    let error = within(conn.write_message("not sent")).await.unwrap_err();
    assert_eq!(error.undelivered(), ["lost".into(), "not sent".into()]);
    for expected in ["one", "two"] {
        assert_eq!(within(conn.read_message()).await.unwrap(), Some(expected.into()));
    }
    assert!(server.is_alone());
}

#[tokio::test(start_paused = true)]
async fn a_write_without_a_connection_makes_one_and_nothing_is_queued_before() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let back = conn.try_write_message("now?").unwrap_err();
    assert!(matches!(&back, ReconnectError::NotNow(message) if *message == "now?".into()), "{back}");
    let serving = tokio::spawn(async move {
        server.refuse("503 Busy", "").await;
        let remote = server.accept().await;
        within(remote.expect(text("waited"))).await;
        (server, remote)
    });
    within(conn.write_message("waited")).await.unwrap();
    within(conn.writer().flush()).await.unwrap();
    within(serving).await.unwrap();
    assert!(matches!(within(conn.read_event()).await, Ok(Some(ReconnectEvent::Connected(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_given_up_has_accepted_nothing() {
    let (client, mut server) = client();
    let mut conn = client.start();
    let hurried = tokio::time::timeout(seconds(5), conn.write_message("too late")).await;
    assert!(hurried.is_err(), "the server has not answered yet");
    let (remote, ()) = tokio::join!(server.accept(), async { within(conn.write_message("second")).await.unwrap() });
    within(remote.expect(text("second"))).await;
}

#[tokio::test(start_paused = true)]
async fn other_tasks_write_to_whatever_connection_there_is() {
    let (client, mut server) = client();
    let conn = client.start();
    let writer = conn.writer();
    let mut events = read_on(conn);
    let early = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write_message("early").await }
    });
    server.refuse("503 Busy", "").await;
    let remote = server.accept().await;
    within(remote.expect(text("early"))).await;
    within(early).await.unwrap().unwrap();
    remote.half_close();
    let writing = tokio::spawn(async move {
        // The outage comes before the loss of a message that is written into it.
        within(writer.states().wait_for(|state| !state.is_connected())).await.unwrap();
        writer.write_message("later").await
    });
    let remote = server.accept().await;
    within(remote.expect(text("later"))).await;
    within(writing).await.unwrap().unwrap();
    assert!(events.outage().await.undelivered.is_empty());
}

#[tokio::test(start_paused = true)]
async fn writers_that_wait_for_room_go_on_with_the_next_connection() {
    let (conn, mut server, remote) = stuck(5).await;
    let writer = conn.writer();
    let mut events = read_on(conn);
    writer.write_message(vec![1; 3 << 20]).await.unwrap();
    let waiting = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write_message("waits for room").await }
    });
    settle().await;
    assert!(!waiting.is_finished());
    remote.reset();
    assert_eq!(events.outage().await.undelivered, [Message::binary(vec![1; 3 << 20])]);
    let remote = server.accept().await;
    within(remote.expect(text("waits for room"))).await;
    within(waiting).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_found_and_what_waited_is_given_back() {
    let (mut conn, _server, _remote) = stuck(5).await;
    conn.write_message("stuck").await.unwrap();
    assert_eq!(undelivered(&mut conn).await, ["stuck".into()]);
    assert!(matches!(conn.state(), ReconnectState::Waiting { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_had_not_left_when_it_is_given_up_is_in_the_error() {
    let (client, mut server) = client();
    let mut conn = client.max_retries(0).start();
    let (remote, connected) = tokio::join!(server.accept(), within(conn.read_event()));
    connected.unwrap();
    remote.limit_capacity(0);
    conn.write_message("unsent").await.unwrap();
    remote.reset();
    let error = within(conn.read_message()).await.unwrap_err();
    assert!(matches!(&error, ReconnectError::GivenUp(_)), "{error}");
    assert_eq!(error.undelivered(), ["unsent".into()]);
    assert!(matches!(within(conn.read_message()).await, Ok(None)));
}

#[tokio::test(start_paused = true)]
async fn a_message_is_not_given_back_as_lost_while_it_may_still_leave() {
    // The server breaks the rules while output waits: the orderly end sends it after all.
    let (mut conn, _server, remote) = stuck(5).await;
    conn.write_message("on its way").await.unwrap();
    remote.send_frame(frame(0x1, [0xff, 0xfe]));
    let ending = tokio::spawn(async move { conn.read_message().await });
    settle().await;
    remote.limit_capacity(usize::MAX);
    within(remote.expect(text("on its way"))).await;
    remote.send_frame(close(1007, ""));
    remote.half_close();
    let error = within(ending).await.unwrap().unwrap_err();
    assert!(matches!(&error, ReconnectError::GivenUp(_)), "{error}");
    assert_eq!(error.undelivered(), []);
}
