//! Every state of the output and every step.

use std::time::{Duration, Instant};

use silverback_testkit::clock::FakeClock;

use super::{
    Hold,
    OutputState::{self, Blocked, Closed, Closing, Held, Idle, Queued},
};

fn states(begun: Instant) -> [OutputState; 6] {
    [Idle, Held, Queued, Blocked { since: begun }, Closing, Closed]
}

#[test]
fn every_step_from_every_state() {
    let begun = FakeClock::new().now();
    let now = begun + Duration::from_secs(1);
    let check = |step: &dyn Fn(&mut OutputState), expected: [OutputState; 6], name: &str| {
        let after = states(begun).map(|mut state| {
            step(&mut state);
            state
        });
        assert_eq!(after, expected, "{name}");
    };
    let (blocked, since) = (Blocked { since: begun }, Blocked { since: now });
    check(&|state| state.queue(), [Queued, Held, Queued, blocked, Closing, Closed], "queue");
    check(&|state| _ = state.hold(), [Idle, Held, Held, blocked, Closing, Closed], "hold");
    check(&|state| state.take_some(), [Idle, Queued, Queued, Queued, Closing, Closed], "take some");
    check(&|state| state.take_all(), [Idle, Idle, Idle, Idle, Closing, Closed], "take all");
    check(&|state| state.block(now), [since, since, since, blocked, Closing, Closed], "block");
    check(&|state| state.progress(now), [Idle, Held, Queued, since, Closing, Closed], "progress");
    check(&|state| state.shut_down(), [Closing, Held, Queued, blocked, Closing, Closed], "shut down");
    check(&|state| state.lose(), [Closed; 6], "lose");
}

#[test]
fn only_what_could_be_written_is_held_back() {
    let begun = FakeClock::new().now();
    let expected = [Hold::No, Hold::GoesOn, Hold::Begins, Hold::No, Hold::No, Hold::No];
    assert_eq!(states(begun).map(|mut state| state.hold()), expected);
}

#[test]
fn only_a_blocked_transport_has_a_time() {
    let now = FakeClock::new().now();
    assert_eq!(states(now).map(|state| state.blocked_since()), [None, None, None, Some(now), None, None]);
}
