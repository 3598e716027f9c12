//! The close sequence of both roles, and its end by a deadline in every step.

use std::time::{Duration, Instant};

use silverback_testkit::clock::FakeClock;

use super::{CloseSequence, CloseStep};
use crate::wire::role::Role;

const BUDGET: Duration = Duration::from_secs(5);

fn begun(role: Role) -> (CloseSequence, Instant) {
    let now = FakeClock::new().now();
    (CloseSequence::new(role, now + BUDGET), now)
}

#[test]
fn a_server_shuts_down_first_and_a_client_waits_for_it() {
    for (role, is_faulty, shuts_down) in [
        (Role::Server, false, true),
        (Role::Client, false, false),
        (Role::Client, true, true),
        (Role::Server, true, true),
    ] {
        let (mut sequence, now) = begun(role);
        if is_faulty {
            sequence = sequence.after_fault();
        }
        assert_eq!(sequence.step(), CloseStep::Send);
        sequence.handle_sent(now, false);
        if shuts_down {
            assert_eq!(sequence.step(), CloseStep::ShutDown);
            sequence.handle_shutdown();
        }
        assert_eq!(sequence.step(), CloseStep::Drain, "{role:?}, {is_faulty}");
        sequence.handle_end_of_input();
        assert_eq!(sequence.step(), CloseStep::Done);
    }
}

#[test]
fn after_both_close_frames_the_wait_for_the_transport_is_2_s_and_never_longer_than_the_budget() {
    let (mut sequence, now) = begun(Role::Client);
    sequence.handle_sent(now + Duration::from_secs(1), true);
    assert_eq!(sequence.deadline(), now + Duration::from_secs(3));
    let (mut sequence, now) = begun(Role::Client);
    sequence.handle_sent(now + Duration::from_secs(4), true);
    assert_eq!(sequence.deadline(), now + BUDGET);
    let (mut sequence, now) = begun(Role::Client);
    sequence.handle_sent(now, false);
    assert_eq!(sequence.deadline(), now + BUDGET, "the peer's Close frame is still to come");
}

#[test]
fn a_deadline_ends_every_step_and_only_the_first_still_had_output() {
    let (mut sequence, now) = begun(Role::Server);
    assert!(sequence.handle_timeout());
    for steps in 1..4 {
        sequence = begun(Role::Server).0;
        sequence.handle_sent(now, false);
        (1..steps).for_each(|_| sequence.handle_shutdown());
        assert!(!sequence.handle_timeout());
        assert_eq!(sequence.step(), CloseStep::Done);
    }
    assert!(!CloseSequence::lost(now).handle_timeout());
}

#[test]
fn a_stream_ends_its_side_in_both_roles_and_only_a_client_waits_for_the_end_of_the_other() {
    for (role, is_clean, after) in [
        (Role::Server, true, CloseStep::Done),
        (Role::Server, false, CloseStep::Drain),
        (Role::Client, true, CloseStep::Drain),
        (Role::Client, false, CloseStep::Drain),
    ] {
        let (sequence, now) = begun(role);
        let mut sequence = sequence.multiplexed(role);
        sequence.handle_sent(now, is_clean);
        assert_eq!(sequence.step(), CloseStep::ShutDown);
        sequence.handle_shutdown();
        assert_eq!(sequence.step(), after);
    }
}

#[test]
fn reports_that_come_late_change_nothing() {
    let (mut sequence, now) = begun(Role::Client);
    sequence.handle_shutdown();
    sequence.handle_end_of_input();
    assert_eq!(sequence.step(), CloseStep::Send);
    sequence.handle_timeout();
    sequence.handle_sent(now, true);
    assert_eq!(sequence.step(), CloseStep::Done);
}
