//! The publications of one topic as they arrive at a node. This is the only place that decides whether a publication is
//! new, a duplicate, or comes after a gap.
//!
//! ```text
//!            a gap, or a check of the position
//!   Live ------------------------------------------> Recovering
//!     <---------------------------------------------
//!            the replay, or a loss that is reported
//! ```

use super::recovery::{Replay, merge};
use crate::model::{position::Position, publication::Publication};

/// The order of one topic, as a node knows it.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// The position of the last publication that was passed on. `None` before the first, and without history.
    last: Option<Position>,
    /// The publications that arrived since a recovery began. `None` while live.
    arrived: Option<Arrived>,
}

#[derive(Debug, Default)]
struct Arrived {
    publications: Vec<Publication>,
    bytes: usize,
    /// More arrived than the limit allows.
    is_cut: bool,
}

/// The next step with a publication that has arrived.
#[derive(Debug, PartialEq)]
pub(crate) enum Arrival {
    /// Pass it on.
    Deliver(Publication),
    /// It was passed on before.
    Duplicate,
    /// Publications are missing before it. It was kept, and the owner fetches a replay from this position.
    Gap(Position),
    /// The history was lost, and this is the first publication of the new one. Report the loss, then pass it on.
    NewEpoch(Publication),
    /// It was kept until the replay is there.
    Kept,
}

impl Stream {
    /// Returns the position of the last publication that was passed on.
    pub(crate) fn position(&self) -> Option<&Position> {
        self.last.as_ref()
    }

    /// Returns whether publications are kept until a replay is there.
    pub(crate) fn is_recovering(&self) -> bool {
        self.arrived.is_some()
    }

    /// Notes the position at which the engine's subscription began. Publications may have arrived before this call.
    pub(crate) fn start(&mut self, position: Option<Position>) {
        if self.last.is_none() {
            self.last = position;
        }
    }

    /// Handles a publication. `prev` is the offset of the one before it, if the engine knows it. `limit` is for the
    /// bytes that are kept during a recovery.
    pub(crate) fn handle_arrival(&mut self, publication: Publication, prev: Option<u64>, limit: usize) -> Arrival {
        if let Some(arrived) = &mut self.arrived {
            arrived.keep(publication, limit);
            return Arrival::Kept;
        }
        let Some(position) = publication.position.clone() else { return Arrival::Deliver(publication) };
        let Some(last) = &self.last else {
            self.last = Some(position);
            return Arrival::Deliver(publication);
        };
        if last.epoch != position.epoch {
            self.last = Some(position);
            return Arrival::NewEpoch(publication);
        }
        if position.offset <= last.offset {
            return Arrival::Duplicate;
        }
        if prev.is_some_and(|prev| prev > last.offset) {
            let last = last.clone();
            let mut arrived = Arrived::default();
            arrived.keep(publication, limit);
            self.arrived = Some(arrived);
            return Arrival::Gap(last);
        }
        self.last = Some(position);
        Arrival::Deliver(publication)
    }

    /// Begins a recovery because publications may be missing: after a reconnect, or at a check. Returns from where, or
    /// `None` if there is nothing to compare with or a recovery runs.
    pub(crate) fn begin_recovery(&mut self) -> Option<Position> {
        if self.arrived.is_some() {
            return None;
        }
        let last = self.last.clone()?;
        self.arrived = Some(Arrived::default());
        Some(last)
    }

    /// Ends a recovery with what the engine has stored since the position. Returns the publications to pass on, or
    /// `None` if some are missing: report that. Nothing that arrived meanwhile is passed on then, because members load
    /// the state again after the report, and it covers everything before.
    pub(crate) fn handle_replay(&mut self, replay: Replay) -> Option<Vec<Publication>> {
        let arrived = self.arrived.take()?;
        let newest = arrived.publications.last().and_then(|last| last.position.clone()).or(replay.position.clone());
        let recovered = if arrived.is_cut { None } else { self.recovered(replay, arrived.publications) };
        if recovered.is_none() {
            self.last = newest;
        }
        recovered
    }

    fn recovered(&mut self, replay: Replay, arrived: Vec<Publication>) -> Option<Vec<Publication>> {
        let last = self.last.clone()?;
        // An engine that came back with an older state, or with none, cannot tell what was between.
        let is_later = |position: &Position| position.epoch == last.epoch && position.offset >= last.offset;
        if !replay.position.as_ref().is_some_and(is_later) {
            return None;
        }
        let mut merged = merge(replay, arrived);
        if !merged.is_complete {
            return None;
        }
        let is_new = |position: &Position| position.offset > last.offset;
        merged.publications.retain(|publication| publication.position.as_ref().is_some_and(is_new));
        self.last = merged.position;
        Some(merged.publications)
    }
}

impl Arrived {
    fn keep(&mut self, publication: Publication, limit: usize) {
        let cost = publication.cost();
        if self.is_cut || self.bytes.saturating_add(cost) > limit {
            // The loss is reported anyway. Only the newest position is needed.
            self.is_cut = true;
            self.publications.clear();
            self.bytes = 0;
        }
        self.bytes += cost;
        self.publications.push(publication);
    }
}
