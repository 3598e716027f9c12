//! Recordings of a conversation: a JSON object on a line for each event (docs/cli.md). `line` has their form, `recorder`
//! writes them, `replay` reads them, and `difference` words what `--expect` finds.

pub(crate) mod difference;
pub(crate) mod line;
pub(crate) mod recorder;
pub(crate) mod replay;
