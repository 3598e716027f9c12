//! The kind of transport and its faults.

use std::io::ErrorKind;

use arbitrary::Arbitrary;
use silverback_testkit::pipe::{Plan, Remote};

use crate::data::Len;

/// Fixed properties of the transport.
#[derive(Arbitrary, Debug)]
pub(super) struct Transport {
    capacity: Option<Len>,
    holds_until_flush: bool,
    refuses_vectored_writes: bool,
}

impl Transport {
    pub(super) fn apply_to(&self, remote: &Remote) {
        if let Some(capacity) = self.capacity {
            remote.limit_capacity(1 + capacity.get());
        }
        if self.holds_until_flush {
            remote.hold_until_flush();
        }
        if self.refuses_vectored_writes {
            remote.refuse_vectored_writes();
        }
    }
}

/// The behaviour of the next calls in one direction.
#[derive(Arbitrary, Debug)]
pub(super) struct Calls {
    steps: Vec<Step>,
    last_is_forever: bool,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    AtMost(u8),
    Pass,
    Stall,
    Error(u8),
    End,
}

impl Calls {
    pub(super) fn plan(&self) -> Plan {
        let plan = self.steps.iter().fold(Plan::new(), |plan, step| match *step {
            Step::AtMost(count) => plan.read_at_most(1 + usize::from(count)),
            Step::Pass => plan.pass(),
            Step::Stall => plan.stall(),
            Step::Error(kind) => plan.error(KINDS[usize::from(kind) % KINDS.len()]),
            Step::End => plan.eof(),
        });
        // If the last step repeats, an error stays for good, while a stall is released like any other.
        if self.last_is_forever && !self.steps.is_empty() { plan.forever() } else { plan }
    }

    /// Whether one of the calls fails.
    pub(super) fn break_something(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Error(_) | Step::End))
    }
}

const KINDS: [ErrorKind; 4] =
    [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::TimedOut, ErrorKind::Other];
