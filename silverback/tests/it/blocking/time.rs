//! Read and write timeouts end a call and lose nothing.

use std::{
    io::{self, Read, Write},
    net::TcpListener,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use silverback::{
    Dialer, Error, MessageKind, MessageRef, Timeout, TryWriteError,
    blocking::{self, Conn, WaitError},
};
use silverback_testkit::wire::{Frame, binary, close, continuation, ping, pong, text};

use super::{AsyncEcho, Peer, client, client_of};
use crate::support::PATIENCE;

/// Long enough that a thread does sleep.
const SHORT: Duration = Duration::from_millis(2);

#[track_caller]
fn check_timed_out<T>(result: Result<T, Error>, limit: Duration) {
    match result {
        Err(Error::Wait(WaitError::TimedOut(after))) if after == limit => {}
        Err(error) => panic!("expected that the time is over, got {error}"),
        Ok(_) => panic!("it should have waited in vain"),
    }
}

mod a_read_that_waits_too_long {
    use super::*;

    #[test]
    fn keeps_what_has_come_wherever_it_is_cut() {
        let (mut conn, mut peer) = client();
        let frames = [text("Hel").not_final(), ping("?"), continuation("lo")];
        let wire: Vec<u8> = frames.into_iter().flat_map(|frame| frame.encode()).collect();
        for cut in 0..wire.len() {
            peer.send(&wire[..cut]);
            for limit in [Duration::ZERO, SHORT] {
                conn.set_read_timeout(Some(limit));
                check_timed_out(conn.read_message(), limit);
            }
            peer.send(&wire[cut..]);
            conn.set_read_timeout(Some(PATIENCE));
            assert_eq!(conn.read_message().unwrap(), Some("Hello".into()), "cut at {cut}");
            assert_eq!(peer.frame(), pong("?"));
        }
    }

    #[test]
    fn keeps_the_front_of_a_large_message() {
        let (mut conn, mut peer) = client();
        let payload: Vec<u8> = (0..200_000_u32).map(|at| (at % 253) as u8).collect();
        let wire = binary(&payload).encode();
        for piece in wire[..150_000].chunks(30_000) {
            peer.send(piece);
            conn.set_read_timeout(Some(SHORT));
            check_timed_out(conn.read_borrowed().map(|_| ()), SHORT);
        }
        peer.send(&wire[150_000..]);
        conn.set_read_timeout(Some(PATIENCE));
        assert!(conn.read_message().unwrap() == Some(payload.into()));
    }

    #[test]
    fn goes_on_in_the_middle_of_a_streamed_message() {
        let (mut conn, mut peer) = client();
        conn.set_read_timeout(Some(SHORT));
        check_timed_out(conn.next_reader().map(|_| ()), SHORT);
        peer.send_frame(text("front").not_final());
        let mut reader = loop {
            match conn.next_reader() {
                Ok(reader) => break reader.unwrap(),
                // `check_timed_out` would borrow the connection for as long as the reader.
                Err(error) => assert!(matches!(error, Error::Wait(WaitError::TimedOut(SHORT))), "{error}"),
            }
        };
        let mut read = Vec::new();
        read_until(&mut reader, &mut read, 5);
        let nothing_more = reader.read(&mut [0; 16]).unwrap_err();
        assert_eq!(nothing_more.kind(), io::ErrorKind::WouldBlock);
        peer.send_frame(continuation(", rest"));
        read_until(&mut reader, &mut read, usize::MAX);
        assert_eq!(read, b"front, rest");
        conn.set_read_timeout(Some(PATIENCE));
        peer.send_frame(text("whole"));
        assert_eq!(conn.read_message().unwrap(), Some("whole".into()));
    }

    /// Until there is this much, or the message has ended, however often the time is over meanwhile.
    fn read_until(reader: &mut impl Read, read: &mut Vec<u8>, enough: usize) {
        let mut buffer = [0; 3];
        while read.len() < enough {
            match reader.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => read.extend(&buffer[..count]),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
    }

    #[test]
    fn is_no_end_of_the_connection() {
        let (mut conn, mut peer) = client();
        conn.set_read_timeout(Some(SHORT));
        let error = conn.read_message().unwrap_err();
        assert!(error.is_timeout() && !error.is_disconnect() && !error.is_closing());
        assert_eq!(error.to_string(), "the call has waited for 2ms, which is the limit that was set");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::WouldBlock);
        assert_eq!(conn.close_info(), None);
        assert!(conn.messages().next().unwrap().is_err());
        peer.send_frame(text("still here"));
        conn.set_read_timeout(Some(PATIENCE));
        assert_eq!(conn.messages().next().unwrap().unwrap(), "still here".into());
    }

    #[test]
    fn has_answered_the_pings_that_came() {
        let (mut conn, mut peer) = client();
        conn.set_read_timeout(Some(SHORT));
        let is_answered = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for payload in ["one", "two"] {
                    peer.send_frame(ping(payload));
                    assert_eq!(peer.frame(), pong(payload));
                }
                is_answered.store(true, Ordering::Release);
            });
            while !is_answered.load(Ordering::Acquire) {
                check_timed_out(conn.read_message(), SHORT);
            }
        });
    }
}

/// Reads only data that has arrived for certain, because the I/O thread may notice it late.
#[test]
fn a_limit_of_zero_does_not_wait() {
    let (mut conn, mut peer) = client();
    conn.set_read_timeout(Some(Duration::ZERO));
    check_timed_out(conn.read_message(), Duration::ZERO);
    peer.send_frame(text("there"));
    let message = loop {
        match conn.read_message() {
            Ok(message) => break message,
            error => check_timed_out(error, Duration::ZERO),
        }
    };
    assert_eq!(message, Some("there".into()));
}

#[test]
fn a_limit_beyond_all_time_is_none() {
    let (mut conn, mut peer) = client();
    conn.set_read_timeout(Some(Duration::MAX));
    conn.set_write_timeout(Some(Duration::MAX));
    assert_eq!((conn.read_timeout(), conn.write_timeout()), (Some(Duration::MAX), Some(Duration::MAX)));
    let answering = thread::spawn(move || {
        assert_eq!(peer.frame(), text("question"));
        peer.send_frame(text("answer"));
    });
    conn.write_message("question").unwrap();
    assert_eq!(conn.read_message().unwrap(), Some("answer".into()));
    answering.join().unwrap();
}

mod a_write_that_waits_too_long {
    use super::*;

    const SIZE: usize = 256 * 1024;

    fn message(number: usize) -> Vec<u8> {
        vec![number as u8; SIZE]
    }

    /// Whether the message was accepted. On a slow machine the time may be over although the kernel had room.
    #[track_caller]
    fn is_accepted(written: Result<(), Error>) -> bool {
        if written.is_err() {
            check_timed_out(written, SHORT);
            return false;
        }
        true
    }

    /// Fills the connection until nothing goes in or out; gives the messages that were accepted.
    fn fill(conn: &mut Conn) -> Vec<Frame> {
        conn.set_write_timeout(Some(SHORT));
        let mut accepted = Vec::new();
        for number in 0..1000 {
            if is_accepted(conn.write_message(message(number))) {
                accepted.push(binary(message(number)));
            } else if !is_accepted(conn.flush()) {
                return accepted;
            }
        }
        panic!("250 MiB were accepted although the peer reads nothing");
    }

    #[test]
    fn was_not_accepted_and_tears_nothing() {
        let (mut conn, peer) = client();
        let mut accepted = fill(&mut conn);
        if is_accepted(conn.write_borrowed(MessageRef::Binary(&message(1)))) {
            accepted.push(binary(message(1)));
        }
        match conn.try_write_message(message(2)) {
            Ok(()) => accepted.push(binary(message(2))),
            Err(TryWriteError::Full(back)) => assert!(back == message(2).into()),
            Err(error) => panic!("expected it back, got {error}"),
        }
        let reading = thread::spawn(move || peer.rest());
        conn.set_write_timeout(Some(PATIENCE));
        conn.write_message("last").unwrap();
        conn.flush().unwrap();
        drop(conn);
        accepted.push(text("last"));
        assert!(reading.join().unwrap() == accepted);
    }

    #[test]
    fn has_taken_nothing_into_a_streamed_message() {
        let (mut conn, peer) = client();
        conn.set_write_timeout(Some(SHORT));
        let mut writer = conn.next_writer(MessageKind::Binary).unwrap();
        let mut written = 0;
        loop {
            match writer.write(&[7; 4096]) {
                Ok(count) => written += count,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        is_accepted(writer.finish());
        let reading = thread::spawn(move || peer.rest());
        while let Err(error) = writer.finish() {
            assert!(error.is_timeout(), "{error}");
        }
        drop((writer, conn));
        let frames = reading.join().unwrap();
        assert_eq!(frames.iter().map(|frame| frame.payload.len()).sum::<usize>(), written);
    }

    #[test]
    fn does_not_keep_the_connection_from_closing() {
        let (mut conn, peer) = client();
        let mut accepted = fill(&mut conn);
        let (writer, reader) = conn.split();
        writer.start_close(1001, "").unwrap();
        let reading = thread::spawn(move || peer.rest());
        drop((writer, reader));
        accepted.push(close(1001, ""));
        assert!(reading.join().unwrap() == accepted);
    }
}

#[test]
fn clones_of_a_writer_begin_with_its_limit_and_have_their_own() {
    let (mut conn, _peer) = client();
    conn.set_write_timeout(Some(SHORT));
    let (mut writer, reader) = conn.split();
    let clone = writer.clone();
    writer.set_write_timeout(None);
    assert_eq!((writer.write_timeout(), clone.write_timeout()), (None, Some(SHORT)));
    assert_eq!(reader.read_timeout(), Some(PATIENCE));
}

/// The deadlines of the connection hold without any limit on the call.
#[test]
fn a_peer_that_is_gone_ends_a_read_without_limit() {
    let moment = Duration::from_millis(20);
    let (mut conn, mut peer) =
        client_of(Dialer::new().adjust_config(|config| config.ping_interval(moment).ping_timeout(moment)));
    conn.set_read_timeout(None);
    let error = conn.read_message().unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Pong(_))), "{error}");
    assert_eq!(peer.frame().opcode, 9);
    assert_eq!(conn.read_message().unwrap(), None);
}

#[test]
fn closing_has_a_limit_of_its_own() {
    let server = AsyncEcho::start();
    let mut conn = server.dial();
    conn.set_read_timeout(Some(Duration::ZERO));
    conn.set_write_timeout(Some(Duration::ZERO));
    conn.close(1000, "").unwrap();
    assert!(conn.close_info().unwrap().is_clean);

    let budget = Duration::from_millis(20);
    let (mut conn, _peer) = client_of(Dialer::new().adjust_config(|config| config.close_timeout(budget)));
    let error = conn.close(1000, "").unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Close(after)) if after == budget), "{error}");
}

#[test]
fn dialling_has_the_limits_of_the_dialer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let error = blocking::dial_with(&Dialer::new().handshake_timeout(SHORT), &url).unwrap_err();
    assert!(matches!(error, Error::Dial(_)) && error.is_timeout(), "{error}");
    // It was asked, and never answered.
    assert_eq!(Peer::new(listener.accept().unwrap().0, false).head().header("upgrade"), Some("websocket"));
}
