//! The cells. A cell is one load that every server of a group is measured with.

use super::contestants::Group;

/// One load and the figures that its table shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) group: Group,
    pub(super) kind: Kind,
    /// What `silverback bench` is told.
    pub(super) load: &'static [&'static str],
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
    /// What settings of compression cost in memory: of interest to docs/compression.md.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self.group, Group::Settings | Group::Released)
    }
}

pub(super) const ALL: &[Cell] = &[
    Cell {
        name: "small",
        title: "64 connections, 16 bytes, one message in flight on each",
        group: Group::Echo,
        kind: Kind::Echo,
        load: &["-c", "64", "--size", "16"],
    },
    Cell {
        name: "small-32",
        title: "64 connections, 16 bytes, 32 in flight",
        group: Group::Echo,
        kind: Kind::Echo,
        load: &["-c", "64", "--size", "16", "--pipeline", "32"],
    },
    Cell {
        name: "text-32",
        title: "64 connections, 1 KiB of text, 32 in flight",
        group: Group::Echo,
        kind: Kind::Echo,
        load: &["-c", "64", "--size", "1024", "--text", "--pipeline", "32"],
    },
    Cell {
        name: "16k",
        title: "64 connections, 16 KiB",
        group: Group::Echo,
        kind: Kind::Echo,
        load: &["-c", "64", "--size", "16384"],
    },
    Cell {
        name: "utf8-16k",
        title: "16 connections, 16 KiB of text that is not ASCII",
        group: Group::Echo,
        kind: Kind::Echo,
        load: &["-c", "16", "--size", "16384", "--payload", "utf8"],
    },
    Cell {
        name: "1m",
        title: "8 connections, 1 MiB",
        group: Group::Echo,
        kind: Kind::Echo,
        load: &["-c", "8", "--size", "1048576"],
    },
    Cell {
        name: "handshakes",
        title: "Handshakes, 32 at a time (raw TCP: accept and one echo of the same bytes)",
        group: Group::Echo,
        kind: Kind::Handshakes,
        load: &["-c", "32", "--handshakes"],
    },
    Cell {
        name: "idle",
        title: "2,000 idle connections, after one echo of 1 KiB each",
        group: Group::Echo,
        kind: Kind::Memory,
        load: &["-c", "2000", "--hold", "--messages", "2000", "--size", "1024", "--duration", "2s"],
    },
    Cell {
        name: "deflate-1k",
        title: "16 connections, 1 KiB of JSON, compressed, 4 in flight",
        group: Group::Compressed,
        kind: Kind::Compressed,
        load: &["-c", "16", "--size", "1024", "--payload", "json", "--pipeline", "4", "--compress"],
    },
    Cell {
        name: "deflate-16k",
        title: "16 connections, 16 KiB of JSON, compressed",
        group: Group::Compressed,
        kind: Kind::Compressed,
        load: &["-c", "16", "--size", "16384", "--payload", "json", "--compress"],
    },
    Cell {
        name: "broadcast",
        title: "A broadcast of 125 bytes to 1,000 connections, for each delivery",
        group: Group::Broadcast,
        kind: Kind::Broadcast,
        load: &["-c", "1000", "--broadcast", "--size", "125"],
    },
    Cell {
        name: "broadcast-8",
        title: "The same, 8 messages in flight",
        group: Group::Broadcast,
        kind: Kind::Broadcast,
        load: &["-c", "1000", "--broadcast", "--size", "125", "--pipeline", "8"],
    },
    Cell {
        name: "memory-idle",
        title: "Compression agreed on and not used: 2,000 connections",
        group: Group::Settings,
        kind: Kind::Memory,
        load: &["-c", "2000", "--hold", "--compress", "--duration", "2s"],
    },
    Cell {
        name: "memory-active",
        title: "In use: 100 connections after 100 messages of 400 bytes each",
        group: Group::Settings,
        kind: Kind::Memory,
        load: &[
            "-c",
            "100",
            "--hold",
            "--messages",
            "10000",
            "--size",
            "400",
            "--payload",
            "json",
            "--compress",
            "--duration",
            "2s",
        ],
    },
    Cell {
        name: "memory-released",
        title: "Idle again: the same, 21 s later",
        group: Group::Released,
        kind: Kind::Memory,
        load: &[
            "-c",
            "100",
            "--hold",
            "--messages",
            "10000",
            "--size",
            "400",
            "--payload",
            "json",
            "--compress",
            "--duration",
            "23s",
        ],
    },
];
