//! The loads that every server is measured with.

/// A number of subscribers and a kind of message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) subscribers: usize,
    /// Bytes of a message.
    pub(super) size: usize,
    pub(super) is_compressed: bool,
    /// How long single messages, and then bursts, are published.
    pub(super) milliseconds: u64,
    /// Subscribers that stop reading.
    pub(super) stopped: usize,
}

pub(super) fn named(name: &str) -> Option<&'static Cell> {
    ALL.iter().find(|cell| cell.name == name)
}

const fn cell(
    name: &'static str,
    title: &'static str,
    subscribers: usize,
    size: usize,
    is_compressed: bool,
    stopped: usize,
) -> Cell {
    let milliseconds = if stopped > 0 { 3000 } else { 1500 };
    Cell { name, title, subscribers, size, is_compressed, milliseconds, stopped }
}

pub(super) const ALL: &[Cell] = &[
    cell("plain-1000", "1,000 subscribers, 128 bytes", 1000, 128, false, 0),
    cell("plain-9900", "9,900 subscribers, 128 bytes", 9900, 128, false, 0),
    cell("deflate-1000", "1,000 subscribers, 1 KiB of JSON, compressed", 1000, 1024, true, 0),
    cell("deflate-9900", "9,900 subscribers, 1 KiB of JSON, compressed", 9900, 1024, true, 0),
    cell("stopped", "1,000 subscribers, 30 messages of 16 KiB a second, 50 stop reading", 1000, 16 * 1024, false, 50),
];
