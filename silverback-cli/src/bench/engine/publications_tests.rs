//! A message of a broadcast, from its sender to its last receiver.

use super::*;

fn publications(receivers: usize, senders: usize) -> Publications {
    let mut publications = Publications::default();
    publications.set_receivers(receivers);
    (0..senders).for_each(|_| _ = publications.add_sender(Notifier::new()));
    publications
}

fn run(due: u64, sent: u64) -> Run {
    Run { due, sent, count: 1 }
}

#[test]
fn the_last_receiver_completes_it_and_tells_the_fan_out() {
    let mut publications = publications(3, 1);
    publications.publish(0, 10, 11);
    assert_eq!(publications.hear(0, 0, 20), Heard::One(run(10, 11)));
    assert_eq!(publications.hear(0, 0, 25), Heard::One(run(10, 11)));
    assert_eq!(publications.open(), 1);
    assert_eq!(publications.hear(0, 0, 29), Heard::Everybody { run: run(10, 11), fan_out: 9 });
    assert_eq!(publications.open(), 0);
}

#[test]
fn senders_are_counted_apart() {
    let mut publications = publications(1, 2);
    publications.publish(0, 1, 1);
    publications.publish(1, 2, 2);
    assert_eq!(publications.hear(1, 0, 5), Heard::Everybody { run: run(2, 2), fan_out: 0 });
    assert_eq!((publications.open_of(0), publications.open_of(1)), (1, 0));
    assert_eq!((publications.next(0), publications.next(1)), (1, 1));
}

#[test]
fn what_overtakes_waits_for_those_before_it() {
    let mut publications = publications(1, 1);
    publications.publish(0, 1, 1);
    publications.publish(0, 2, 2);
    assert!(matches!(publications.hear(0, 1, 9), Heard::Everybody { .. }));
    assert_eq!(publications.open(), 2);
    assert!(matches!(publications.hear(0, 0, 9), Heard::Everybody { .. }));
    assert_eq!(publications.open(), 0);
}

#[test]
fn what_nobody_sent_is_unknown() {
    let mut publications = publications(2, 1);
    assert_eq!(publications.hear(7, 0, 1), Heard::Unknown);
    assert_eq!(publications.hear(0, 0, 1), Heard::Unknown);
    publications.publish(0, 1, 1);
    assert_eq!(publications.hear(0, 1, 1), Heard::Unknown);
}

#[test]
fn what_reaches_not_everybody_is_given_up_in_time() {
    let mut publications = publications(2, 1);
    publications.publish(0, 1, 1);
    publications.publish(0, 100, 100);
    publications.hear(0, 0, 5);
    assert_eq!(publications.expire(50), 1);
    assert_eq!(publications.hear(0, 0, 60), Heard::Unknown);
    assert_eq!(publications.open(), 1);
}

#[test]
fn who_has_gone_is_not_waited_for_by_what_follows() {
    let mut publications = publications(2, 1);
    publications.remove_receiver();
    publications.publish(0, 1, 1);
    assert!(matches!(publications.hear(0, 0, 5), Heard::Everybody { .. }));
}
