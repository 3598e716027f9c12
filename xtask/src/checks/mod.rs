//! Checks of the source, the manifests and the dependencies. None of them runs our code.

pub(crate) mod conformance;
pub(crate) mod features;
pub(crate) mod kubernetes;
pub(crate) mod lints;
pub(crate) mod msrv;
pub(crate) mod promises;
pub(crate) mod public_api;
pub(crate) mod rooms;
pub(crate) mod supply_chain;
mod syntax;
