//! Pages of a history.

use silverback_hub::{Position, Replay};

use crate::{
    encoding::to_message,
    protocol::{codes::ErrorCode, messages::HistoryResult},
};

/// Returns the position after which the hub is asked.
pub(crate) fn begin(since: Option<&Position>, is_reverse: bool) -> Position {
    since.filter(|_| !is_reverse).cloned().unwrap_or_else(Position::start)
}

/// Answers a request for the position alone, which is what a limit of 0 means. No history is read for it.
pub(crate) fn position_alone(position: Option<Position>, since: Option<Position>) -> Result<HistoryResult, ErrorCode> {
    let position = position.unwrap_or_else(Position::start);
    if since.is_some_and(|since| !since.epoch.is_empty() && since.epoch != position.epoch) {
        return Err(ErrorCode::UnrecoverablePosition);
    }
    Ok(HistoryResult { publications: Vec::new(), epoch: position.epoch.to_string(), offset: position.offset })
}

/// Cuts a page out of what the hub has. A negative limit means everything.
pub(crate) fn page(
    replay: Replay,
    since: Option<Position>,
    limit: i32,
    is_reverse: bool,
) -> Result<HistoryResult, ErrorCode> {
    let position = replay.position.unwrap_or_else(Position::start);
    let mut publications = replay.publications;
    match since {
        Some(_) if !is_reverse && !replay.complete => return Err(ErrorCode::UnrecoverablePosition),
        Some(since) if is_reverse => {
            if !since.epoch.is_empty() && since.epoch != position.epoch {
                return Err(ErrorCode::UnrecoverablePosition);
            }
            publications.retain(|one| one.position.as_ref().is_some_and(|at| at.offset < since.offset));
        }
        _ => {}
    }
    if is_reverse {
        publications.reverse();
    }
    if let Ok(limit) = usize::try_from(limit) {
        publications.truncate(limit);
    }
    Ok(HistoryResult {
        publications: publications.iter().map(to_message).collect(),
        epoch: position.epoch.to_string(),
        offset: position.offset,
    })
}
