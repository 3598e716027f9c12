//! Runs other programs, each in its own process group. The whole group ends if a time limit passes, if its guard is
//! dropped, and if a signal stops xtask.

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
