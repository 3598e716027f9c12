//! The kinds of clients, and counts of what they did.

use std::{
    cell::Cell,
    fmt::{self, Display},
};

/// The behaviour of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Uses tokio-tungstenite: whole messages, not compressed.
    Plain,
    /// Writes its own frames, not compressed: fragments with control frames in between, written in pieces.
    Fragmented,
    /// Like `Fragmented`, with permessage-deflate in all its variants.
    Compressed,
    /// Like `Fragmented`, compressed or not, and stops reading until the service cannot write any more.
    Slow,
    /// Like `Fragmented`, and disconnects at any byte without a Close frame.
    Abrupt,
    /// Disconnects during its handshake.
    Knocking,
}

/// A counter.
#[derive(Debug, Default)]
pub(crate) struct Count(Cell<u64>);

impl Count {
    pub(crate) fn add(&self, more: usize) {
        self.0.set(self.0.get() + more as u64);
    }

    fn get(&self) -> u64 {
        self.0.get()
    }
}

/// The counts of all clients of one kind.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) connections: Count,
    /// Messages with a correct echo, and their bytes.
    pub(crate) messages: Count,
    pub(crate) bytes: Count,
    /// Frames of fragmented messages.
    pub(crate) fragments: Count,
    /// Pings that were answered.
    pub(crate) pings: Count,
    /// How often a slow reader has blocked the connection.
    pub(crate) stops: Count,
    /// Connections that the client ended without a Close frame: by RST, and by FIN.
    pub(crate) resets: Count,
    pub(crate) hang_ups: Count,
    /// Unexpected events.
    pub(crate) errors: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    kinds: [Counts; KINDS.len()],
    /// Counts one if clients had to be aborted.
    stuck: Count,
    complaints: Count,
}

impl Kind {
    /// The first three kinds have a quarter each; the others share the rest.
    pub(crate) fn of_place(place: usize) -> Self {
        match place % 16 {
            0..4 => Self::Plain,
            4..8 => Self::Fragmented,
            8..12 => Self::Compressed,
            12 => Self::Slow,
            13 | 14 => Self::Abrupt,
            _ => Self::Knocking,
        }
    }
}

impl Tally {
    pub(crate) fn of(&self, kind: Kind) -> &Counts {
        &self.kinds[kind as usize]
    }

    /// Counts an error, and prints the first ones.
    pub(crate) fn complain(&self, kind: Kind, what: &dyn Display) {
        self.of(kind).errors.add(1);
        self.complaints.add(1);
        if self.complaints.get() <= MOST_COMPLAINTS {
            println!("error: {kind:?}, {what}");
        }
    }

    /// Counts an error if clients did not finish.
    pub(crate) fn count_as_stuck(&self) {
        println!("error: some clients did not finish");
        self.stuck.add(1);
    }

    pub(crate) fn errors(&self) -> u64 {
        self.stuck.get() + self.sum(|counts| &counts.errors)
    }

    /// Prints all counts as a table.
    pub(crate) fn print(&self) {
        println!(
            "{:<12}{:>11}{:>12}{:>11}{:>11}{:>9}{:>7}{:>8}{:>9}{:>8}",
            "clients", "connections", "messages", "MB", "fragments", "pings", "stops", "resets", "hang-ups", "errors"
        );
        for kind in KINDS {
            let counts = self.of(kind);
            println!(
                "{:<12}{:>11}{:>12}{:>11.1}{:>11}{:>9}{:>7}{:>8}{:>9}{:>8}",
                format!("{kind:?}").to_lowercase(),
                counts.connections.get(),
                counts.messages.get(),
                counts.bytes.get() as f64 / 1e6,
                counts.fragments.get(),
                counts.pings.get(),
                counts.stops.get(),
                counts.resets.get(),
                counts.hang_ups.get(),
                counts.errors.get()
            );
        }
    }

    fn sum(&self, field: fn(&Counts) -> &Count) -> u64 {
        self.kinds.iter().map(|counts| field(counts).get()).sum()
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} connections, {} messages, {:.1} MB each way, {} provoked ends, {} errors",
            self.sum(|counts| &counts.connections),
            self.sum(|counts| &counts.messages),
            self.sum(|counts| &counts.bytes) as f64 / 1e6,
            self.sum(|counts| &counts.resets) + self.sum(|counts| &counts.hang_ups),
            self.errors()
        )
    }
}

const KINDS: [Kind; 6] = [Kind::Plain, Kind::Fragmented, Kind::Compressed, Kind::Slow, Kind::Abrupt, Kind::Knocking];
const MOST_COMPLAINTS: u64 = 20;
