//! Tasks that wait for the output of a transmitter, by their numbers. `room/tests.rs` has the order of writers.

use std::sync::Arc;

use silverback_testkit::clock::FakeClock;

use super::{FlushFor, Polled, RoomFor, Writers};
use crate::{
    connection::{config::Config, transmit::Transmitter},
    handshake::negotiated::Negotiated,
    message::Message,
    wire::{mask::MaskKey, opcode::MessageKind, role::Role},
};

fn transmitter() -> Transmitter {
    let config = Arc::new(Config::default().max_queued_output(100));
    Transmitter::new(Role::Server, config, &Negotiated::default(), FakeClock::new().now(), || MaskKey([0; 4]))
}

fn queue(transmitter: &mut Transmitter, len: usize) {
    transmitter.send(Message::binary(vec![7; len])).unwrap();
}

fn called(writers: &mut Writers<u8>, transmitter: &Transmitter) -> Vec<u8> {
    let mut called = Vec::new();
    writers.call(transmitter, &mut called);
    called
}

#[test]
fn a_writer_waits_while_the_queue_is_full_and_is_called_when_there_is_room() {
    let (mut out, mut writers, mut first, mut second) = (transmitter(), Writers::default(), None, None);
    assert!(writers.has_room_for(&out, 1_000_000), "an empty queue takes any message");
    queue(&mut out, 98);
    assert!(!writers.has_room_for(&out, 1) && !writers.admits_newcomer(&out, 1));
    assert!(!writers.takes_turn(&out, RoomFor::Future(&mut first), 60, 1));
    assert!(!writers.takes_turn(&out, RoomFor::Sink(&mut second), 10, 2));
    assert_eq!(called(&mut writers, &out), []);
    out.handle_transmitted(30);
    assert!(!writers.has_room_for(&out, 1), "a small message does not overtake those that wait");
    assert_eq!(called(&mut writers, &out), []);
    out.handle_transmitted(70);
    assert_eq!(called(&mut writers, &out), [1]);
    assert!(writers.takes_turn(&out, RoomFor::Future(&mut first), 60, 1));
    queue(&mut out, 60);
    assert_eq!(called(&mut writers, &out), [2]);
    writers.stop_waiting(second, None);
    assert_eq!(called(&mut writers, &out), []);
    assert!(writers.0.is_none(), "nothing is held while no task waits");
}

#[test]
fn the_next_fragment_goes_before_messages() {
    let (mut out, mut writers, mut place) = (transmitter(), Writers::default(), None);
    out.open_message(MessageKind::Binary).unwrap();
    out.send_fragment(&[7; 98], false).unwrap();
    assert!(!writers.takes_turn(&out, RoomFor::Future(&mut place), 1, 1));
    writers.wait_with_fragment(50, 2);
    out.handle_transmitted(100);
    assert_eq!(called(&mut writers, &out), [2]);
    out.send_fragment(&[7; 50], true).unwrap();
    assert_eq!(called(&mut writers, &out), [1]);
}

#[test]
fn a_flush_is_called_when_everything_has_left() {
    let (mut out, mut writers, mut place) = (transmitter(), Writers::default(), None);
    queue(&mut out, 10);
    writers.wait_for_flush(FlushFor::Future(&mut place), 1);
    writers.wait_for_flush(FlushFor::Polled(Polled::MessageWriter), 2);
    writers.wait_for_flush(FlushFor::Polled(Polled::CloseSequence), 3);
    writers.wait_for_flush(FlushFor::Polled(Polled::CloseSequence), 4);
    out.handle_transmitted(11);
    assert_eq!(called(&mut writers, &out), []);
    out.handle_transmitted(1);
    // A layer such as TLS may still hold it.
    out.handle_blocked(FakeClock::new().now());
    assert_eq!(called(&mut writers, &out), []);
    out.handle_flushed();
    assert_eq!(called(&mut writers, &out), [1, 2, 4]);
}

#[test]
fn everybody_is_called_when_the_connection_closes() {
    for is_lost in [false, true] {
        let (mut out, mut writers, mut room, mut flush) = (transmitter(), Writers::default(), None, None);
        queue(&mut out, 98);
        assert!(!writers.takes_turn(&out, RoomFor::Future(&mut room), 60, 1));
        writers.wait_for_flush(FlushFor::Future(&mut flush), 2);
        if is_lost {
            out.handle_lost();
        } else {
            out.start_close(FakeClock::new().now(), None);
        }
        assert_eq!(called(&mut writers, &out), if is_lost { vec![1, 2] } else { vec![1] });
        assert!(writers.has_room_for(&out, 60), "the message is refused at once");
    }
}
