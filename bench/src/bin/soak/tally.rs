//! Who the clients are, and what has come of them.

use std::{
    cell::Cell,
    fmt::{self, Display},
};

/// What a client is out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// tokio-tungstenite: whole messages, not compressed.
    Plain,
    /// Frames by hand, not compressed: fragments with control frames in between, written in pieces.
    Fragmented,
    /// The same with permessage-deflate, in all its variants.
    Compressed,
    /// The same, compressed or not, from one who stops reading until nothing moves any more.
    Slow,
    /// The same, from one who goes away without a word in the middle of anything.
    Abrupt,
    /// One who does that before its handshake is over.
    Knocking,
}

/// A number that goes up.
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

/// What clients of one kind did.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) connections: Count,
    /// Those that came back as they were, and their bytes.
    pub(crate) messages: Count,
    pub(crate) bytes: Count,
    /// Frames of messages in more than one.
    pub(crate) fragments: Count,
    /// Those that were answered.
    pub(crate) pings: Count,
    /// How often a slow reader has brought everything to a stop.
    pub(crate) stops: Count,
    /// Ends without a Close frame that are the client's doing: by RST, and by FIN.
    pub(crate) resets: Count,
    pub(crate) hang_ups: Count,
    /// What should not have happened.
    pub(crate) errors: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    kinds: [Counts; KINDS.len()],
    /// Clients that had to be given up, however many.
    stuck: Count,
    complaints: Count,
}

impl Kind {
    /// A quarter each for the first three, and some of the rest.
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

    /// Counts an error, and says what it was unless there were many before.
    pub(crate) fn complain(&self, kind: Kind, what: &dyn Display) {
        self.of(kind).errors.add(1);
        self.complaints.add(1);
        if self.complaints.get() <= MOST_COMPLAINTS {
            println!("error: {kind:?}, {what}");
        }
    }

    /// When somebody has not come to an end.
    pub(crate) fn count_as_stuck(&self) {
        println!("error: some clients have not come to an end");
        self.stuck.add(1);
    }

    pub(crate) fn errors(&self) -> u64 {
        self.stuck.get() + self.sum(|counts| &counts.errors)
    }

    /// A table of everything.
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
