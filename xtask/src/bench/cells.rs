//! The cells. A cell is one load that every server of a group is measured with.

use super::contestants::Group;

/// One load and the figures that its table shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) group: Group,
    pub(super) kind: Kind,
    /// The options of `silverback bench`.
    pub(super) load: &'static str,
}

/// Which figures a cell has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Echo,
    /// An echo whose size on the wire counts too.
    Compressed,
    /// A message is one delivery.
    Broadcast,
    Handshakes,
    Memory,
}

impl Cell {
    /// The memory that settings of compression need, for docs/compression.md.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self.group, Group::Settings | Group::Released)
    }
}

const fn cell(name: &'static str, title: &'static str, (group, kind): (Group, Kind), load: &'static str) -> Cell {
    Cell { name, title, group, kind, load }
}

pub(super) const ALL: &[Cell] = &[
    cell(
        "small",
        "64 connections, 16 bytes, one message in flight on each",
        (Group::Echo, Kind::Echo),
        "-c 64 --size 16",
    ),
    cell(
        "small-32",
        "64 connections, 16 bytes, 32 in flight",
        (Group::Echo, Kind::Echo),
        "-c 64 --size 16 --pipeline 32",
    ),
    cell(
        "text-32",
        "64 connections, 1 KiB of text, 32 in flight",
        (Group::Echo, Kind::Echo),
        "-c 64 --size 1024 --text --pipeline 32",
    ),
    cell("16k", "64 connections, 16 KiB", (Group::Echo, Kind::Echo), "-c 64 --size 16384"),
    cell(
        "utf8-16k",
        "16 connections, 16 KiB of text that is not ASCII",
        (Group::Echo, Kind::Echo),
        "-c 16 --size 16384 --payload utf8",
    ),
    cell("1m", "8 connections, 1 MiB", (Group::Echo, Kind::Echo), "-c 8 --size 1048576"),
    cell(
        "handshakes",
        "Handshakes, 32 at a time (raw TCP: accept and one echo of the same bytes)",
        (Group::Echo, Kind::Handshakes),
        "-c 32 --handshakes",
    ),
    cell(
        "idle",
        "2,000 idle connections, after one echo of 1 KiB each",
        (Group::Echo, Kind::Memory),
        "-c 2000 --hold --messages 2000 --size 1024 --duration 2s",
    ),
    cell(
        "deflate-1k",
        "16 connections, 1 KiB of JSON, compressed, 4 in flight",
        (Group::Compressed, Kind::Compressed),
        "-c 16 --size 1024 --payload json --pipeline 4 --compress",
    ),
    cell(
        "deflate-16k",
        "16 connections, 16 KiB of JSON, compressed",
        (Group::Compressed, Kind::Compressed),
        "-c 16 --size 16384 --payload json --compress",
    ),
    cell(
        "versions-small",
        "Versions of HTTP: 100 WebSockets, 16 bytes, 32 in flight",
        (Group::Versions, Kind::Echo),
        "-c 100 --size 16 --pipeline 32",
    ),
    cell(
        "versions-16k",
        "Versions of HTTP: 100 WebSockets, 16 KiB",
        (Group::Versions, Kind::Echo),
        "-c 100 --size 16384",
    ),
    cell(
        "versions-handshakes",
        "Versions of HTTP: handshakes, 32 at a time",
        (Group::Versions, Kind::Handshakes),
        "-c 32 --handshakes",
    ),
    cell(
        "versions-idle",
        "Versions of HTTP: 1,000 idle WebSockets, after one echo of 1 KiB each",
        (Group::Versions, Kind::Memory),
        "-c 1000 --hold --messages 1000 --size 1024 --duration 2s",
    ),
    cell(
        "broadcast",
        "A broadcast of 125 bytes to 1,000 connections, for each delivery",
        (Group::Broadcast, Kind::Broadcast),
        "-c 1000 --broadcast --size 125",
    ),
    cell(
        "broadcast-8",
        "The same, 8 messages in flight",
        (Group::Broadcast, Kind::Broadcast),
        "-c 1000 --broadcast --size 125 --pipeline 8",
    ),
    cell(
        "memory-idle",
        "Compression agreed on and not used: 2,000 connections",
        (Group::Settings, Kind::Memory),
        "-c 2000 --hold --compress --duration 2s",
    ),
    cell(
        "memory-active",
        "In use: 100 connections after 100 messages of 400 bytes each",
        (Group::Settings, Kind::Memory),
        "-c 100 --hold --messages 10000 --size 400 --payload json --compress --duration 2s",
    ),
    cell(
        "memory-released",
        "Idle again: the same, 21 s later",
        (Group::Released, Kind::Memory),
        "-c 100 --hold --messages 10000 --size 400 --payload json --compress --duration 23s",
    ),
];
