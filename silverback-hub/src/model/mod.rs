//! The words of the hub: names, positions, publications, identities, options and limits. Plain values without I/O.

pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod glob;
pub(crate) mod identity;
pub(crate) mod limits;
pub(crate) mod name;
pub(crate) mod pattern;
pub(crate) mod position;
pub(crate) mod publication;
pub(crate) mod status;
pub(crate) mod subscribed;
pub(crate) mod survey;
pub(crate) mod target;
pub(crate) mod topic;
pub(crate) mod wire;
