//! Wakes the connections of an open model when their messages are due.

use std::{io, sync::Arc};

use super::{
    alarm::Alarm,
    control::{Place, Stage, Start, WorkerState},
    load::Task,
    notifier::Notifier,
    schedule::Schedule,
};

/// Rings for each message of this worker's connections, until nothing more is to be sent.
pub(super) async fn pace(state: Arc<WorkerState>, rate: f64) -> io::Result<()> {
    let control = &state.control;
    let Some(start) = control.start.get() else { return Ok(()) };
    let notifiers = ringing(&state, start, rate);
    if notifiers.is_empty() {
        return Ok(());
    }
    let alarm = Alarm::new(control.clock)?;
    let (mut round, mut place) = (0, 0);
    while !control.has_reached(Stage::Stopping) {
        let now = control.clock.now();
        // The connections of one worker are due in the order of their places, round after round.
        while notifiers[place].1.due(round) <= now {
            notifiers[place].0.notify();
            place += 1;
            if place == notifiers.len() {
                (round, place) = (round + 1, 0);
            }
        }
        alarm.wait_until(notifiers[place].1.due(round)).await?;
    }
    Ok(())
}

/// Returns the connections that send, each with its schedule.
fn ringing(state: &WorkerState, start: &Start, rate: f64) -> Vec<(Arc<Notifier>, Schedule)> {
    let notifiers = state.notifiers().into_iter().enumerate();
    let place = |index| Place { worker: state.number, index };
    match state.control.load.task {
        Task::Broadcast { senders, .. } => {
            let voice = |(index, notifier)| {
                let rank = start.sender_rank(place(index), senders)?;
                Some((notifier, start.sender_schedule(rate, rank, senders)))
            };
            notifiers.filter_map(voice).collect()
        }
        _ => notifiers.map(|(index, notifier)| (notifier, start.schedule(rate, place(index)))).collect(),
    }
}
