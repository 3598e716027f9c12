//! Deadlines: keepalive, the answer to it, the budget of the closing handshake, a stalled write.

use std::time::Duration;

use silverback_testkit::wire::{close_empty, ping, pong, text};

use super::*;
use crate::wire::error::Timeout;

const SECOND: Duration = Duration::from_secs(1);

/// A server that pings when idle for 20 s, waits 10 s for life, 5 s for a close, 30 s for a write.
fn keeping_alive() -> Peer<App> {
    Peer::client(App::new(Role::Server, Config::default().ping_timeout(10 * SECOND)))
}

/// Lets `seconds` pass at once, and handles the timeouts that are due.
fn wait(peer: &mut Peer<App>, seconds: u32) -> Option<Timeout> {
    let app = peer.endpoint();
    let now = app.clock.advance(seconds * SECOND);
    match app.conn.handle_timeout(now)? {
        ConnectionError::Timeout(timeout) => Some(timeout),
        error => panic!("{error:?} is not a timeout"),
    }
}

/// How far away the next deadline is.
fn next_deadline(peer: &mut Peer<App>) -> Option<Duration> {
    let app = peer.endpoint();
    app.conn.poll_timeout().map(|due| due - app.clock.now())
}

/// The number in the payload of the ping that the endpoint just sent.
fn expect_ping(peer: &mut Peer<App>) -> Vec<u8> {
    let frame = peer.receive().unwrap();
    assert_eq!(frame.opcode, 0x9, "{frame:?}");
    frame.payload
}

mod pings {
    use super::*;

    #[test]
    fn an_idle_connection_is_pinged() {
        let mut peer = keeping_alive();
        assert_eq!(next_deadline(&mut peer), Some(20 * SECOND));
        assert_eq!(wait(&mut peer, 19), None);
        peer.expect_nothing();
        assert_eq!(wait(&mut peer, 1), None);
        expect_ping(&mut peer);
        assert_eq!(next_deadline(&mut peer), Some(10 * SECOND));
        peer.expect_nothing();
    }

    #[test]
    fn a_connection_that_receives_is_not_pinged() {
        let mut peer = keeping_alive();
        for _ in 0..10 {
            assert_eq!(wait(&mut peer, 19), None);
            peer.send(text("still here"));
        }
        peer.expect_nothing();
        assert_eq!(next_deadline(&mut peer), Some(20 * SECOND));
    }

    #[test]
    fn any_byte_is_life_also_one_of_a_frame_that_is_not_whole() {
        let mut peer = keeping_alive();
        let drip = wire(Role::Server, &[text("0123456789")]);
        for byte in &drip {
            assert_eq!(wait(&mut peer, 19), None);
            peer.send_bytes([*byte]);
        }
        peer.expect_nothing();
    }

    #[test]
    fn any_byte_answers_a_ping() {
        let mut peer = keeping_alive();
        for byte in wire(Role::Server, &[text("abc")]) {
            assert_eq!(wait(&mut peer, 20), None);
            expect_ping(&mut peer);
            assert_eq!(wait(&mut peer, 9), None);
            peer.send_bytes([byte]);
        }
        assert_eq!(peer.endpoint().seen(), [message("abc")]);
    }

    #[test]
    fn no_byte_is_no_life() {
        let mut peer = keeping_alive();
        wait(&mut peer, 20);
        expect_ping(&mut peer);
        wait(&mut peer, 9);
        peer.send_bytes([]);
        assert_eq!(wait(&mut peer, 1), Some(Timeout::Pong(10 * SECOND)));
    }

    #[test]
    fn our_own_output_is_not_a_sign_of_life() {
        let mut peer = keeping_alive();
        wait(&mut peer, 15);
        peer.endpoint().conn.send("anybody?".into()).unwrap();
        peer.expect(text("anybody?"));
        wait(&mut peer, 5);
        expect_ping(&mut peer);
    }

    #[test]
    fn a_peer_that_sends_nothing_after_a_ping_is_given_up() {
        let mut peer = keeping_alive();
        wait(&mut peer, 20);
        expect_ping(&mut peer);
        assert_eq!(wait(&mut peer, 9), None);
        assert_eq!(wait(&mut peer, 1), Some(Timeout::Pong(10 * SECOND)));
        peer.expect_nothing();
        let info = peer.endpoint().conn.close_info().unwrap();
        assert_eq!((info.code, info.is_clean, info.initiator), (CloseCode::ABNORMAL, false, Initiator::Nobody));
        assert_eq!(next_deadline(&mut peer), None);
    }

    #[test]
    fn only_one_ping_is_in_flight() {
        let mut peer = keeping_alive();
        wait(&mut peer, 20);
        expect_ping(&mut peer);
        for _ in 0..9 {
            assert_eq!(wait(&mut peer, 1), None);
        }
        peer.expect_nothing();
    }

    #[test]
    fn no_ping_is_sent_without_an_interval() {
        let mut peer = Peer::client(App::new(Role::Server, Config::default().ping_interval(None)));
        assert_eq!(next_deadline(&mut peer), None);
        assert_eq!(wait(&mut peer, 1_000_000), None);
        peer.expect_nothing();
    }

    #[test]
    fn a_client_masks_its_pings() {
        let mut peer = client();
        let now = peer.endpoint().clock.advance(20 * SECOND);
        assert_eq!(peer.endpoint().conn.handle_timeout(now), None);
        expect_ping(&mut peer);
        peer.expect_masked(true);
    }
}

/// On a slow line, output that the peer takes is a sign of life. Its pong comes after it has taken all output before our
/// ping.
mod output {
    use super::*;

    /// Output waits, and the transport takes a byte of it every `seconds`.
    fn take_slowly(peer: &mut Peer<App>, seconds: u32, bytes: u32) {
        for _ in 0..bytes {
            block(peer);
            assert_eq!(wait(peer, seconds), None);
            assert_eq!(peer.endpoint().sent_up_to(1).len(), 1);
        }
    }

    fn block(peer: &mut Peer<App>) {
        let now = peer.endpoint().clock.now();
        peer.endpoint().conn.handle_blocked(now);
    }

    #[test]
    fn that_leaves_after_it_had_to_wait_is_life() {
        let mut peer = keeping_alive();
        peer.endpoint().conn.send("x".repeat(100).into()).unwrap();
        take_slowly(&mut peer, 19, 50);
        assert_eq!(peer.endpoint().conn.state(), State::Open);
        assert!(!peer.endpoint().conn.awaits_pong(), "a peer that takes output gets no ping");
    }

    #[test]
    fn gives_a_peer_that_was_pinged_more_time() {
        let mut peer = keeping_alive();
        peer.endpoint().conn.send("x".repeat(100).into()).unwrap();
        block(&mut peer);
        assert_eq!(wait(&mut peer, 20), None);
        assert!(peer.endpoint().conn.awaits_pong());
        take_slowly(&mut peer, 9, 50);
        block(&mut peer);
        assert_eq!(wait(&mut peer, 9), None);
        assert_eq!(wait(&mut peer, 1), Some(Timeout::Pong(10 * SECOND)));
    }

    /// The transport reports how many of 1000 bytes the peer has acknowledged.
    fn acknowledge(peer: &mut Peer<App>, bytes: u64) {
        let now = peer.endpoint().clock.now();
        peer.endpoint().conn.handle_acknowledged(now, bytes, 1000 - bytes);
    }

    /// The transport took it at once, so it is unknown whether the peer did.
    #[test]
    fn that_never_stalled_is_not_a_sign_of_life() {
        let mut peer = keeping_alive();
        assert_eq!(wait(&mut peer, 20), None);
        expect_ping(&mut peer);
        for _ in 0..9 {
            assert_eq!(wait(&mut peer, 1), None);
            peer.endpoint().conn.send("news".into()).unwrap();
            peer.expect(text("news"));
        }
        assert_eq!(wait(&mut peer, 1), Some(Timeout::Pong(10 * SECOND)));
    }

    #[test]
    fn that_the_transport_held_and_the_peer_took_is_life() {
        let mut peer = keeping_alive();
        assert_eq!(wait(&mut peer, 20), None);
        expect_ping(&mut peer);
        acknowledge(&mut peer, 0);
        for bytes in 1..=5 {
            assert_eq!(wait(&mut peer, 9), None);
            let now = peer.endpoint().clock.now();
            assert!(!peer.endpoint().conn.doubts_life(now) && peer.endpoint().conn.doubts_life(now + SECOND));
            acknowledge(&mut peer, bytes);
            assert!(!peer.endpoint().conn.doubts_life(now + SECOND));
        }
        assert_eq!(wait(&mut peer, 10), Some(Timeout::Pong(10 * SECOND)));
    }

    /// The kernel of a peer that hangs acknowledges some bytes too.
    #[test]
    fn that_the_peer_acknowledged_behind_our_ping_is_not_a_sign_of_life() {
        let mut peer = keeping_alive();
        assert_eq!(wait(&mut peer, 20), None);
        expect_ping(&mut peer);
        acknowledge(&mut peer, 0);
        assert_eq!(wait(&mut peer, 9), None);
        acknowledge(&mut peer, 1000);
        for more in 1..=9 {
            assert_eq!(wait(&mut peer, 1), None);
            let now = peer.endpoint().clock.now();
            peer.endpoint().conn.handle_acknowledged(now, 1000 + more, 0);
        }
        assert_eq!(wait(&mut peer, 1), Some(Timeout::Pong(10 * SECOND)));
    }

    #[test]
    fn that_the_transport_held_and_the_peer_took_is_not_a_stall() {
        let mut peer = keeping_alive();
        peer.endpoint().conn.send("stuck".into()).unwrap();
        block(&mut peer);
        acknowledge(&mut peer, 0);
        for bytes in 1..=5 {
            peer.send(pong(""));
            assert_eq!(wait(&mut peer, 15), None);
            peer.send(pong(""));
            assert_eq!(wait(&mut peer, 14), None);
            let now = peer.endpoint().clock.now();
            assert!(peer.endpoint().conn.doubts_life(now + SECOND));
            acknowledge(&mut peer, bytes);
        }
        peer.send(pong(""));
        assert_eq!(wait(&mut peer, 15), None);
        peer.send(pong(""));
        assert_eq!(wait(&mut peer, 15), Some(Timeout::WriteStall(30 * SECOND)));
    }

    #[test]
    fn does_not_extend_the_budget_of_the_close() {
        let mut peer = keeping_alive();
        peer.endpoint().conn.send("x".repeat(100).into()).unwrap();
        block(&mut peer);
        let now = peer.endpoint().clock.now();
        peer.endpoint().conn.start_close(now, None);
        take_slowly(&mut peer, 1, 4);
        assert_eq!(wait(&mut peer, 1), Some(Timeout::Close(5 * SECOND)));
    }
}

mod round_trips {
    use super::*;

    #[test]
    fn the_round_trip_of_a_ping_is_measured() {
        let mut peer = keeping_alive();
        assert_eq!(peer.endpoint().conn.stats().round_trip, None);
        for milliseconds in [30, 70] {
            wait(&mut peer, 20);
            let payload = expect_ping(&mut peer);
            peer.endpoint().clock.advance(Duration::from_millis(milliseconds));
            peer.send(pong(payload));
            assert_eq!(peer.endpoint().conn.stats().round_trip, Some(Duration::from_millis(milliseconds)));
        }
    }

    #[test]
    fn other_pongs_measure_nothing() {
        let mut peer = keeping_alive();
        peer.send(pong(1_u32.to_be_bytes()));
        wait(&mut peer, 20);
        let payload = expect_ping(&mut peer);
        peer.send(pong("what"));
        peer.send(pong(""));
        assert_eq!(peer.endpoint().conn.stats().round_trip, None);
        peer.send(pong(&payload));
        let measured = peer.endpoint().conn.stats().round_trip;
        assert_eq!(measured, Some(Duration::ZERO));
        wait(&mut peer, 3);
        peer.send(pong(payload));
        assert_eq!(peer.endpoint().conn.stats().round_trip, measured, "the second answer to one ping");
    }
}

mod closing {
    use super::*;

    #[test]
    fn the_closing_handshake_has_a_budget() {
        let mut peer = keeping_alive();
        let now = peer.endpoint().clock.now();
        peer.endpoint().conn.start_close(now, None);
        peer.expect(close_empty());
        assert_eq!(next_deadline(&mut peer), Some(5 * SECOND));
        assert_eq!(wait(&mut peer, 4), None);
        assert_eq!(wait(&mut peer, 1), Some(Timeout::Close(5 * SECOND)));
        let info = peer.endpoint().conn.close_info().unwrap();
        assert_eq!((info.is_clean, info.initiator, info.code), (false, Initiator::Local, CloseCode::ABNORMAL));
    }

    #[test]
    fn no_traffic_extends_the_budget() {
        let mut peer = keeping_alive();
        let now = peer.endpoint().clock.now();
        peer.endpoint().conn.start_close(now, None);
        peer.expect(close_empty());
        for _ in 0..4 {
            assert_eq!(wait(&mut peer, 1), None);
            peer.send_bytes(wire(Role::Server, &[text("more"), ping("and"), pong("more")]));
            let now = peer.endpoint().clock.now();
            peer.endpoint().conn.start_close(now, closed(1001, "again"));
        }
        assert_eq!(wait(&mut peer, 1), Some(Timeout::Close(5 * SECOND)));
    }

    #[test]
    fn the_budget_begins_when_our_close_is_queued_and_covers_the_answer_too() {
        for faulty in [text("bad").rsv1(), close(1000, "")] {
            let mut peer = keeping_alive();
            peer.send(faulty);
            // The transport takes nothing.
            let now = peer.endpoint().clock.now();
            peer.endpoint().conn.handle_blocked(now);
            assert_eq!(wait(&mut peer, 4), None);
            assert_eq!(wait(&mut peer, 1), Some(Timeout::Close(5 * SECOND)));
            assert!(!peer.endpoint().conn.close_info().unwrap().is_clean, "our Close never left");
            peer.expect_nothing();
        }
    }

    #[test]
    fn no_ping_is_sent_while_closing() {
        let config = Config::default().close_timeout(100 * SECOND);
        let mut peer = Peer::client(App::new(Role::Server, config));
        let now = peer.endpoint().clock.now();
        peer.endpoint().conn.start_close(now, None);
        peer.expect(close_empty());
        assert_eq!(wait(&mut peer, 50), None);
        peer.expect_nothing();
    }
}

mod stalls {
    use super::*;

    #[test]
    fn a_peer_that_takes_no_output_times_out() {
        let mut peer = keeping_alive();
        peer.endpoint().conn.send("stuck".into()).unwrap();
        for _ in 0..29 {
            let now = peer.endpoint().clock.now();
            peer.endpoint().conn.handle_blocked(now);
            peer.send(pong("alive, but not reading"));
            assert_eq!(wait(&mut peer, 1), None);
        }
        assert_eq!(next_deadline(&mut peer), Some(SECOND));
        assert_eq!(wait(&mut peer, 1), Some(Timeout::WriteStall(30 * SECOND)));
        peer.expect_nothing();
    }

    #[test]
    fn one_byte_that_leaves_is_progress() {
        let mut peer = keeping_alive();
        peer.endpoint().conn.send("dripping".into()).unwrap();
        for _ in 0..5 {
            let now = peer.endpoint().clock.now();
            peer.endpoint().conn.handle_blocked(now);
            peer.endpoint().conn.handle_blocked(now + SECOND);
            peer.send(pong(""));
            assert_eq!(wait(&mut peer, 15), None);
            peer.send(pong(""));
            assert_eq!(wait(&mut peer, 14), None);
            peer.endpoint().sent_up_to(1);
        }
        assert_eq!(peer.endpoint().conn.state(), State::Open);
    }

    #[test]
    fn a_write_of_zero_bytes_is_not_progress() {
        let mut peer = keeping_alive();
        peer.endpoint().conn.send("stuck".into()).unwrap();
        let now = peer.endpoint().clock.now();
        peer.endpoint().conn.handle_blocked(now);
        wait(&mut peer, 15);
        peer.endpoint().conn.handle_transmitted(0);
        peer.send(pong(""));
        assert_eq!(wait(&mut peer, 15), Some(Timeout::WriteStall(30 * SECOND)));
    }
}

#[test]
fn durations_without_end_mean_never() {
    let never = Duration::MAX;
    let config = Config::default().ping_interval(never).ping_timeout(never);
    let config = config.close_timeout(never).write_stall_timeout(never);
    let mut peer = Peer::client(App::new(Role::Server, config));
    let now = peer.endpoint().clock.now();
    peer.endpoint().conn.handle_blocked(now);
    assert_eq!(wait(&mut peer, 1_000_000), None);
    peer.endpoint().conn.start_close(now, None);
    assert_eq!(wait(&mut peer, 1_000_000), None);
    peer.expect(close_empty());
}
