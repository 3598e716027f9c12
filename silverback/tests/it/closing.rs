//! The closing handshake (RFC 6455, 5.5.1 and 7): one Close each, nothing after it, within its budget.

use std::time::Duration;

use silverback::{CloseCode, Config, Conn, Error, Initiator, Message, Timeout};
use silverback_testkit::{
    pipe::{Plan, Remote},
    wire::{Frame, binary, close, close_empty, continuation, frame, ping, text},
};
use tokio::time::Instant;

use crate::support::{client, send_together, server, server_config, settle, within};

mod started_by_the_peer {
    use super::*;

    #[track_caller]
    fn check(info: Option<silverback::CloseInfo>, code: u16, reason: &str) {
        let info = info.expect("the connection has ended");
        assert_eq!((info.code.get(), info.reason.as_ref()), (code, reason));
        assert_eq!(info.initiator, Initiator::Peer);
        assert!(info.is_clean, "{info:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn is_answered_with_the_same_code_and_ends_cleanly() {
        let (mut conn, remote) = server();
        remote.send_frame(close(1000, "good bye"));
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
        within(remote.expect(close(1000, ""))).await;
        assert_eq!(remote.read_frame().await, None, "nothing follows our Close");
        check(conn.close_info(), 1000, "good bye");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_code_is_answered_without_one() {
        let (mut conn, remote) = server();
        remote.send_frame(close_empty());
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
        within(remote.expect(close_empty())).await;
        check(conn.close_info(), 1005, "");
    }

    #[tokio::test(start_paused = true)]
    async fn with_every_code_that_may_be_sent_is_clean() {
        for code in [1000, 1001, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
            let (mut conn, remote) = server();
            remote.send_frame(close(code, ""));
            remote.half_close();
            assert_eq!(within(conn.read_message()).await.unwrap(), None);
            within(remote.expect(close(code, ""))).await;
            check(conn.close_info(), code, "");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_payload_that_must_not_be_is_a_fault() {
        let (one_byte, reason_not_utf8) = (frame(0x8, [3]), close(1000, [0xC3, 0x28]));
        let mut cases = vec![(one_byte, 1002), (reason_not_utf8, 1007)];
        let forbidden = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535];
        cases.extend(forbidden.map(|code| (close(code, ""), 1002)));
        for (sent, answer) in cases {
            let (mut conn, remote) = server();
            remote.send_frame(sent.clone());
            remote.half_close();
            let error = within(conn.read_message()).await.unwrap_err();
            assert_eq!(error.close_code().map(CloseCode::get), Some(answer), "{sent:?}: {error}");
            assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(answer), "{sent:?}");
            assert!(!conn.close_info().unwrap().is_clean);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn comes_after_the_messages_before_it() {
        let (mut conn, remote) = server();
        send_together(&remote, [text("one"), text("two"), close(1000, "")]);
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("one".into()));
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("two".into()));
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn sends_the_answers_first_that_were_accepted_before() {
        let (conn, remote) = server();
        send_together(&remote, [text("one"), text("two"), close(1000, "")]);
        remote.half_close();
        within(crate::support::echo(conn)).await.unwrap();
        assert_eq!(remote.received_frames(), [text("one"), text("two"), close(1000, "")]);
    }

    #[tokio::test(start_paused = true)]
    async fn is_believed_and_what_follows_is_not_looked_at() {
        let (mut conn, remote) = server();
        send_together(&remote, [close(1000, ""), text("late"), frame(0xF, "nonsense")]);
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
        assert_eq!(remote.received_frames(), [close(1000, "")]);
        check(conn.close_info(), 1000, "");
    }

    #[tokio::test(start_paused = true)]
    async fn between_fragments_ends_the_connection_without_the_message() {
        let (mut conn, remote) = server();
        send_together(&remote, [text("half a").not_final(), close(1001, ""), continuation(" message")]);
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
        within(remote.expect(close(1001, ""))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn refuses_what_is_written_afterwards() {
        let (mut conn, remote) = server();
        remote.send_frame(close(1000, ""));
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
        assert!(conn.write_message("late").await.unwrap_err().is_closing());
        assert!(conn.ping(b"late").unwrap_err().is_closing());
        assert!(conn.next_writer(silverback::MessageKind::Text).await.unwrap_err().is_closing());
        // Closing what is closed is no error.
        within(conn.close(1000, "")).await.unwrap();
        assert_eq!(remote.received_frames(), [close(1000, "")]);
    }

    #[tokio::test(start_paused = true)]
    async fn releases_writers_that_wait_for_room() {
        let (conn, remote) = server_config(|config| config.max_queued_output(10));
        remote.plan_writes(Plan::new().stall());
        let (writer, mut reader) = conn.split();
        writer.write_message("x".repeat(20)).await.unwrap();
        let waiting = tokio::spawn({
            let writer = writer.clone();
            async move { writer.write_message("no room").await }
        });
        settle().await;
        assert!(!waiting.is_finished());
        remote.send_frame(close(1000, ""));
        tokio::spawn(async move { reader.read_message().await });
        settle().await;
        assert!(waiting.is_finished(), "it need not wait for the transport to hear that it will never be sent");
        assert!(waiting.await.unwrap().unwrap_err().is_closing());
        drop(writer);
    }
}

mod started_by_us {
    use super::*;

    async fn close_of_ours(mut conn: Conn) -> (Result<(), Error>, Conn) {
        let closed = conn.close(4000, "enough").await;
        (closed, conn)
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_the_answer_and_ends_cleanly() {
        let (conn, remote) = server();
        let closing = tokio::spawn(close_of_ours(conn));
        within(remote.expect(close(4000, "enough"))).await;
        settle().await;
        assert!(!closing.is_finished());
        remote.send_frame(close(4000, ""));
        remote.half_close();
        let (closed, conn) = within(closing).await.unwrap();
        closed.unwrap();
        let info = conn.close_info().unwrap();
        assert_eq!((info.code.get(), info.initiator, info.is_clean), (4000, Initiator::Local, true));
        assert_eq!(info.sent.unwrap().reason, "enough");
        assert_eq!(remote.read_frame().await, None, "the peer's Close is not answered again");
    }

    #[tokio::test(start_paused = true)]
    async fn sends_first_what_was_accepted_before() {
        let (mut conn, remote) = client();
        remote.plan_writes(Plan::new().write_at_most(1).forever());
        conn.write_message("before").await.unwrap();
        let closing = tokio::spawn(close_of_ours(conn));
        within(remote.expect(text("before"))).await;
        within(remote.expect(close(4000, "enough"))).await;
        closing.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn discards_messages_that_still_arrive() {
        let (conn, remote) = server();
        let closing = tokio::spawn(close_of_ours(conn));
        within(remote.expect(close(4000, "enough"))).await;
        send_together(&remote, [text("on its way"), binary([0; 100_000]), ping("?"), close(4000, "")]);
        remote.half_close();
        let (closed, conn) = within(closing).await.unwrap();
        closed.unwrap();
        assert!(conn.close_info().unwrap().is_clean);
        assert_eq!(remote.received_frames(), [], "a ping after our Close is not answered");
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_same_time_as_the_peer_is_clean() {
        let (mut conn, remote) = server();
        remote.send_frame(close(1001, "me too"));
        remote.half_close();
        within(conn.close(1000, "me")).await.unwrap();
        assert_eq!(remote.received_frames(), [close(1000, "me")]);
        let info = conn.close_info().unwrap();
        assert_eq!((info.code.get(), info.initiator, info.is_clean), (1001, Initiator::Local, true));
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_code_that_must_not_be_sent_is_refused_and_changes_nothing() {
        for code in [0, 999, 1004, 1006, 1015, 1016, 2999, 5000] {
            let (mut conn, remote) = server();
            let error = conn.close(code, "").await.unwrap_err();
            assert!(matches!(error, Error::UnsendableCode(_)), "{error}");
            conn.write_message("still open").await.unwrap();
            assert_eq!(remote.received_frames(), [text("still open")]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn cuts_a_long_reason_at_a_character() {
        let (conn, remote) = server();
        let (writer, _reader) = conn.split();
        writer.start_close(1000, &"\u{1f98d}".repeat(40)).unwrap();
        within(remote.expect(close(1000, "\u{1f98d}".repeat(30)))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn is_sent_once_however_often_it_is_asked_for() {
        let (conn, remote) = server();
        let (writer, mut reader) = conn.split();
        writer.start_close(1000, "first").unwrap();
        writer.start_close(1001, "second").unwrap();
        assert!(!writer.is_open());
        assert!(writer.write_message("late").await.unwrap_err().is_closing());
        remote.send_frame(close(1000, ""));
        remote.half_close();
        assert_eq!(within(reader.read_message()).await.unwrap(), None);
        assert_eq!(remote.received_frames(), [close(1000, "first")]);
    }

    #[tokio::test(start_paused = true)]
    async fn can_be_given_up_and_taken_up_again() {
        let (mut conn, remote) = server();
        let second = Duration::from_secs(1);
        assert!(tokio::time::timeout(second, conn.close(1000, "")).await.is_err());
        remote.send_frame(text("on its way"));
        remote.send_frame(close(1000, ""));
        remote.half_close();
        within(conn.close(1000, "")).await.unwrap();
        assert_eq!(remote.received_frames(), [close(1000, "")]);
    }

    #[tokio::test(start_paused = true)]
    async fn is_an_error_when_the_transport_ends_without_an_answer() {
        let (conn, remote) = server();
        let closing = tokio::spawn(close_of_ours(conn));
        within(remote.expect(close(4000, "enough"))).await;
        remote.half_close();
        let (closed, conn) = within(closing).await.unwrap();
        assert!(matches!(closed, Err(Error::Lost)), "{closed:?}");
        assert!(!conn.close_info().unwrap().is_clean);
    }
}

mod the_transport {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn is_shut_down_first_by_a_server() {
        let (mut conn, remote) = server();
        remote.send_frame(close(1000, ""));
        let reading = tokio::spawn(async move { conn.read_message().await });
        within(remote.expect(close(1000, ""))).await;
        within(remote.ended()).await;
        assert!(remote.is_shut_down());
        settle().await;
        assert!(!reading.is_finished(), "it drains until the client has closed too, lest the Close be lost");
        remote.half_close();
        assert_eq!(within(reading).await.unwrap().unwrap(), None);
        assert!(remote.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn is_left_to_the_server_by_a_client() {
        let (mut conn, remote) = client();
        remote.send_frame(close(1000, ""));
        let reading = tokio::spawn(async move { conn.read_message().await });
        within(remote.expect(close(1000, ""))).await;
        settle().await;
        assert!(!remote.is_shut_down() && !reading.is_finished());
        remote.half_close();
        assert_eq!(within(reading).await.unwrap().unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn goes_when_the_connection_has_ended_though_its_handles_stay() {
        let (conn, remote) = server();
        let (writer, mut reader) = conn.split();
        remote.send_frame(close(1000, ""));
        remote.half_close();
        assert_eq!(within(reader.read_message()).await.unwrap(), None);
        assert!(remote.is_dropped());
        assert!(writer.write_message("late").await.unwrap_err().is_closing());
        assert_eq!(within(reader.read_message()).await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn that_never_ends_is_dropped_at_the_deadline() {
        for (mut conn, remote) in [server(), client()] {
            let before = Instant::now();
            remote.send_frame(close(1000, ""));
            assert_eq!(within(conn.read_message()).await.unwrap(), None);
            assert_eq!(before.elapsed(), Config::default().close_budget());
            assert!(remote.is_dropped());
        }
    }

    /// Floods with everything there is, until the connection is gone.
    fn flood(remote: &Remote, frames: &[Frame]) {
        for _ in 0..100 {
            send_together(remote, frames.iter().cloned());
        }
    }

    async fn check_budget(frames: &[Frame]) {
        let (mut conn, remote) = server_config(|config| config.close_timeout(Duration::from_secs(3)));
        let before = Instant::now();
        let closing = tokio::spawn(async move { conn.close(1000, "").await });
        while !closing.is_finished() {
            flood(&remote, frames);
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(before.elapsed() < Duration::from_secs(10), "the budget is extended by traffic");
        }
        let error = closing.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "{error}");
        assert!(before.elapsed() >= Duration::from_secs(3) && before.elapsed() < Duration::from_millis(3_200));
        assert!(remote.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn is_given_up_when_nothing_comes_within_the_budget() {
        check_budget(&[]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn is_given_up_within_the_budget_though_messages_keep_coming() {
        check_budget(&[text("more"), binary([7; 2000])]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn is_given_up_within_the_budget_though_pings_keep_coming() {
        check_budget(&[ping("?")]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn is_given_up_within_the_budget_though_bytes_keep_coming_after_the_close() {
        let (mut conn, remote) = server();
        let before = Instant::now();
        remote.send_frame(close(1000, ""));
        let reading = tokio::spawn(async move { conn.read_message().await });
        while !reading.is_finished() {
            remote.send(vec![0x55; 100_000]);
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(before.elapsed() < Duration::from_secs(10), "the budget is extended by traffic");
        }
        assert_eq!(reading.await.unwrap().unwrap(), None);
        assert!(remote.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn that_takes_nothing_keeps_no_closing_connection() {
        let (conn, remote) = server();
        remote.plan_writes(Plan::new().stall());
        let (writer, mut reader) = conn.split();
        writer.write_message("stuck").await.unwrap();
        remote.send_frame(close(1000, ""));
        let before = Instant::now();
        let error = within(reader.read_message()).await.unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "our Close could not be sent: {error}");
        assert_eq!(before.elapsed(), Config::default().close_budget());
        assert!(remote.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn that_takes_nothing_is_given_up_within_the_budget_of_our_close() {
        let (mut conn, remote) = server();
        remote.plan_writes(Plan::new().stall());
        conn.write_message("stuck").await.unwrap();
        let before = Instant::now();
        let error = within(conn.close(1000, "")).await.unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "{error}");
        assert_eq!(before.elapsed(), Config::default().close_budget());
        assert!(remote.is_dropped());
    }

    /// With the keepalive off the reader has no timer when another task starts to close; with it, one that is too late.
    #[tokio::test(start_paused = true)]
    async fn is_given_up_within_the_budget_by_a_reader_that_slept_when_the_close_began() {
        check_sleeping_reader(None).await;
        check_sleeping_reader(Some(Duration::from_secs(3600))).await;
    }

    async fn check_sleeping_reader(ping_interval: Option<Duration>) {
        let (conn, remote) = server_config(|config| config.ping_interval(ping_interval));
        let (writer, mut reader) = conn.split();
        let reading = tokio::spawn(async move { reader.read_message().await });
        settle().await;
        let before = Instant::now();
        writer.start_close(1000, "").unwrap();
        let error = within(reading).await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Timeout(Timeout::Close(_))), "{error}");
        assert_eq!(before.elapsed(), Config::default().close_budget());
        assert_eq!(remote.received_frames(), [close(1000, "")]);
    }
}

mod a_fault {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn is_told_after_the_messages_before_it_were_handed_out() {
        let (mut conn, remote) = server();
        send_together(&remote, [text("one"), text("two"), frame(0xB, "")]);
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("one".into()));
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("two".into()));
        let error = within(conn.read_message()).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error}");
        assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));
        assert_eq!(remote.read_frame().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn is_reported_once_and_then_the_connection_is_over() {
        let faults = [text([0xFF]), frame(0x3, ""), text("x").rsv1(), continuation("alone")];
        for fault in faults {
            let (mut conn, remote) = server();
            remote.send_frame(fault.clone());
            remote.half_close();
            assert!(within(conn.read_message()).await.is_err(), "{fault:?}");
            assert_eq!(within(conn.read_message()).await.unwrap(), None, "{fault:?}");
            assert!(conn.write_message("late").await.is_err());

            let (mut conn, remote) = server();
            remote.send_frame(fault.clone());
            remote.half_close();
            assert!(within(conn.read_borrowed()).await.is_err(), "{fault:?}, lent");
            assert_eq!(within(conn.read_borrowed()).await.unwrap(), None, "{fault:?}, lent");
            assert!(remote.is_dropped());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn in_masking_is_told_with_1002_both_ways() {
        let (mut conn, remote) = server();
        remote.send(text("not masked").encode());
        remote.half_close();
        assert!(within(conn.read_message()).await.is_err());
        assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));

        let (mut conn, remote) = client();
        remote.send_frame(text("masked").masked([1, 2, 3, 4]));
        remote.half_close();
        assert!(within(conn.read_message()).await.is_err());
        assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));
    }

    #[tokio::test(start_paused = true)]
    async fn in_size_is_told_with_1009_before_the_payload_has_come() {
        let (mut conn, remote) = server_config(|config| config.max_message_size(1000));
        remote.send(text("").masked([0; 4]).declared_len(1001).encode());
        let reading = tokio::spawn(async move { conn.read_message().await });
        assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1009));
        remote.half_close();
        let error = within(reading).await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Limit(_)), "{error}");
    }

    /// The peer's fault after our Close: there is nothing more to say.
    #[tokio::test(start_paused = true)]
    async fn after_our_close_sends_no_second_one() {
        let (mut conn, remote) = server();
        let closing = tokio::spawn(async move { conn.close(1000, "").await });
        within(remote.expect(close(1000, ""))).await;
        remote.send_frame(frame(0xF, ""));
        remote.half_close();
        assert!(matches!(within(closing).await.unwrap(), Err(Error::Protocol(_))));
        assert_eq!(remote.read_frame().await, None);
    }

    /// RFC 6455, 7.1.7: a client whose server is at fault need not wait for it.
    #[tokio::test(start_paused = true)]
    async fn of_a_server_makes_the_client_shut_down_first() {
        let (mut conn, remote) = client();
        remote.send_frame(text([0xC0, 0xAF]));
        let read = within(conn.read_message()).await;
        assert!(matches!(read, Err(Error::Protocol(_))), "{read:?}");
        tokio::spawn(async move { conn.read_message().await });
        within(remote.ended()).await;
        assert!(remote.is_shut_down());
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_hold_back_what_was_accepted_before() {
        let (mut conn, remote) = server();
        remote.plan_writes(Plan::new().stall());
        conn.write_message(Message::from("accepted")).await.unwrap();
        remote.send_frame(frame(0xF, ""));
        remote.half_close();
        let reading = tokio::spawn(async move { conn.read_message().await });
        settle().await;
        remote.release_writes();
        within(remote.expect(text("accepted"))).await;
        assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1002));
        assert!(within(reading).await.unwrap().is_err());
    }
}
