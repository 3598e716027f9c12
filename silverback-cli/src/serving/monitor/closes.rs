//! How WebSockets ended: codes and sides, with a bounded number of labels.

use std::sync::atomic::{AtomicU64, Ordering};

use silverback::{CloseCode, CloseInfo, Initiator};

/// The end of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The code of the side that began. 1005 stands for an empty Close frame, 1006 for none.
    pub(crate) code: u16,
    pub(crate) side: Side,
}

/// The side that began to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
    /// The connection was lost, or a deadline passed.
    Nobody,
}

impl End {
    pub(crate) fn of(close: Option<&CloseInfo>) -> Self {
        match close {
            Some(CloseInfo { initiator: Initiator::Local, sent, .. }) => {
                let code = sent.as_ref().map_or(CloseCode::NO_STATUS, |frame| frame.code);
                Self { code: code.get(), side: Side::Server }
            }
            Some(CloseInfo { initiator: Initiator::Peer, code, .. }) => Self { code: code.get(), side: Side::Client },
            _ => Self { code: CloseCode::ABNORMAL.get(), side: Side::Nobody },
        }
    }
}

impl Side {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Nobody => "none",
        }
    }

    const ALL: [Self; 3] = [Self::Client, Self::Server, Self::Nobody];
}

/// The number of ends for each code and side. Codes above 1015 are counted together, because clients choose them.
#[derive(Debug, Default)]
pub(crate) struct Closes([[AtomicU64; LABELS.len()]; 3]);

impl Closes {
    pub(super) fn count(&self, end: End) {
        self.0[end.side as usize][label_index(end.code)].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the code, the side and the number of ends, for those that have occurred.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        Side::ALL.into_iter().flat_map(move |side| {
            let counts = self.0[side as usize].iter().map(|count| count.load(Ordering::Relaxed));
            LABELS.into_iter().zip(counts).filter(|(_, count)| *count > 0).map(move |(code, n)| (code, side.label(), n))
        })
    }

    /// Returns how many ends were faults of clients, by their kind: the server closed with these codes.
    pub(crate) fn protocol_errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let by_server = &self.0[Side::Server as usize];
        FAULTS.into_iter().map(|(code, kind)| (kind, by_server[label_index(code)].load(Ordering::Relaxed)))
    }
}

fn label_index(code: u16) -> usize {
    match code {
        1000..=1015 => usize::from(code - 1000),
        3000..=3999 => 16,
        4000..=4999 => 17,
        _ => 18,
    }
}

const LABELS: [&str; 19] = [
    "1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009", "1010", "1011", "1012", "1013",
    "1014", "1015", "3xxx", "4xxx", "other",
];

const FAULTS: [(u16, &str); 3] = [(1002, "protocol"), (1007, "invalid_text"), (1009, "message_too_big")];
