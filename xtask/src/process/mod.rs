//! Running other programs. Each gets a process group of its own, so that it ends with everything it started:
//! when it takes too long, when its guard is dropped, and when we are told to stop.

mod group;
mod output;
mod running;
mod task;

pub(crate) use group::{Group, end_children_on_signals};
pub(crate) use running::Running;
pub(crate) use task::Task;

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
