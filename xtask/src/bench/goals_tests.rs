use super::super::cells;
use super::super::contestants;
use super::super::results::{Figures, Outcome, Row};
use super::{ALL, Assessment, Measure, OURS, assess};

fn outcome(rows: &[(&str, f64, f64)]) -> Outcome {
    let figures = |cpu, wire| Figures { cpu: Some(cpu), wire: Some(wire), ..Figures::default() };
    let row = |(server, cpu, wire): &(&str, f64, f64)| Row {
        server: (*server).to_owned(),
        runs: vec![Some(figures(*cpu, *wire))],
    };
    let rows = rows.iter().map(row).collect();
    Outcome { date: String::new(), machine: String::new(), load: (0.0, 0.0), seconds: 1.0, rows }
}

#[track_caller]
fn assessment(cell: &str, measure: Measure, outcome: &Outcome) -> Assessment {
    let all = assess(|name| (name == cell).then_some(outcome));
    let wanted = |assessment: &Assessment| assessment.goal.cell == cell && assessment.goal.measure == measure;
    all.into_iter().find(wanted).expect("there is such a goal")
}

#[test]
fn every_goal_is_of_a_cell_that_exists_and_of_servers_that_take_part() {
    for goal in ALL {
        let cell = cells::ALL.iter().find(|cell| cell.name == goal.cell).expect(goal.cell);
        let takes_part = |name: &str| contestants::ALL.iter().any(|one| one.name == name && one.group == cell.group);
        assert!(OURS.iter().any(|name| takes_part(name)), "{}", goal.cell);
        if let Measure::To(name) = goal.measure {
            assert!(takes_part(name), "{name}");
        }
    }
}

#[test]
fn the_program_is_set_against_the_first_server_and_against_the_best_peer() {
    let outcome = outcome(&[
        ("raw-epoll", 1.0, 16.0),
        ("silverback-program", 1.2, 16.0),
        ("silverback-lending", 0.9, 16.0),
        ("yawc-best", 2.0, 16.0),
        ("axum", 9.0, 16.0),
    ]);
    let to_first = assessment("small-32", Measure::ToFirst, &outcome);
    let measured = to_first.measured.expect("it was measured");
    assert_eq!((measured.value, measured.against.as_deref()), (1.2, Some("raw-epoll")));
    assert!(to_first.goal.is_met(&measured));
    let to_peer = assessment("small-32", Measure::ToBestPeer, &outcome);
    let measured = to_peer.measured.expect("it was measured");
    assert_eq!((measured.value, measured.against.as_deref()), (0.6, Some("yawc-best")));
}

#[test]
fn a_peer_with_larger_replies_is_not_compared() {
    let outcome =
        outcome(&[("silverback (level 1)", 2.0, 100.0), ("yawc level 1", 4.0, 101.0), ("sockudo", 1.0, 102.0)]);
    let measured = assessment("deflate-1k", Measure::ToBestPeerOfSize, &outcome).measured.expect("it was measured");
    assert_eq!((measured.value, measured.against.as_deref()), (0.5, Some("yawc level 1")));
}

#[test]
fn goals_without_measurements_are_not_assessed() {
    assert!(assess(|_| None).iter().all(|assessment| assessment.measured.is_none()));
    let without_us = outcome(&[("raw-epoll", 1.0, 16.0)]);
    assert!(assessment("small", Measure::ToFirst, &without_us).measured.is_none());
}
