//! Wakes the connections of an open model when their messages are due.

use std::{io, sync::Arc};

use super::{
    alarm::Alarm,
    control::{Bell, Crew, Place, Stage, Start},
    load::Task,
    schedule::Schedule,
};

/// Rings for each message of this worker's connections, until nothing more is to be sent.
pub(super) async fn pace(crew: Arc<Crew>, rate: f64) -> io::Result<()> {
    let control = &crew.control;
    let Some(start) = control.start.get() else { return Ok(()) };
    let bells = ringing(&crew, start, rate);
    if bells.is_empty() {
        return Ok(());
    }
    let alarm = Alarm::new(control.clock)?;
    let (mut round, mut place) = (0, 0);
    while !control.has_reached(Stage::Stopping) {
        let now = control.clock.now();
        // Those of one worker are due in the order of their places, round after round.
        while bells[place].1.due(round) <= now {
            bells[place].0.ring();
            place += 1;
            if place == bells.len() {
                (round, place) = (round + 1, 0);
            }
        }
        alarm.wait_until(bells[place].1.due(round)).await?;
    }
    Ok(())
}

/// Who sends, and when.
fn ringing(crew: &Crew, start: &Start, rate: f64) -> Vec<(Arc<Bell>, Schedule)> {
    let bells = crew.bells().into_iter().enumerate();
    let place = |index| Place { worker: crew.number, index };
    match crew.control.load.task {
        Task::Broadcast { senders, .. } => {
            let voice = |(index, bell)| {
                let rank = start.sender_rank(place(index), senders)?;
                Some((bell, start.sender_schedule(rate, rank, senders)))
            };
            bells.filter_map(voice).collect()
        }
        _ => bells.map(|(index, bell)| (bell, start.schedule(rate, place(index)))).collect(),
    }
}
