//! RFC 6455, 7.1: every step from every state, against the picture.

use super::{State::*, Step::*, *};

/// The picture above `State`, as rows: from each state, where sending a Close, receiving one, failing and losing lead.
const PICTURE: [(State, [(Step, State); 4]); 5] = [
    (Open, [(SendClose, CloseSent), (ReceiveClose, CloseReceived), (Fail, Failing), (Lose, Closed)]),
    (CloseSent, [(SendClose, CloseSent), (ReceiveClose, Closed), (Fail, Closed), (Lose, Closed)]),
    (CloseReceived, [(SendClose, Closed), (ReceiveClose, CloseReceived), (Fail, Failing), (Lose, Closed)]),
    (Failing, [(SendClose, Closed), (ReceiveClose, Failing), (Fail, Failing), (Lose, Closed)]),
    (Closed, [(SendClose, Closed), (ReceiveClose, Closed), (Fail, Closed), (Lose, Closed)]),
];

#[test]
fn every_step_leads_where_the_picture_says() {
    for (from, steps) in PICTURE {
        for (step, to) in steps {
            assert_eq!(from.after(step), to, "{from:?} --{step:?}-->");
        }
    }
}

#[test]
fn nothing_leads_out_of_closed() {
    for step in [SendClose, ReceiveClose, Fail, Lose] {
        assert_eq!(Closed.after(step), Closed, "{step:?}");
    }
}

#[test]
fn both_closes_end_the_connection_in_either_order() {
    assert_eq!(Open.after(SendClose).after(ReceiveClose), Closed);
    assert_eq!(Open.after(ReceiveClose).after(SendClose), Closed);
}

#[test]
fn a_step_taken_twice_leads_no_further_unless_it_ends() {
    for (from, steps) in PICTURE {
        for (step, _) in steps {
            let once = from.after(step);
            let twice = once.after(step);
            assert!(twice == once || twice == Closed, "{from:?} --{step:?}--> {once:?} --{step:?}--> {twice:?}");
        }
    }
}
