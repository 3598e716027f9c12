//! The checks. Each fails by a panic that says what was expected.

pub(crate) mod delivery;
pub(crate) mod dropping;
pub(crate) mod history;
pub(crate) mod ids;
pub(crate) mod names;
pub(crate) mod presence;
