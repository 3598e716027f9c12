//! What is known about an open WebSocket beside its counters.

use std::time::{Instant, SystemTime};

use http::Version;

use crate::serving::sockets::Client;

/// The record of one WebSocket.
#[derive(Debug)]
pub(crate) struct Record {
    /// Unique since the start of the program. It rises in the order of the handshakes.
    pub(crate) id: u64,
    pub(crate) client: Client,
    /// The path without the query, in which clients may send tokens.
    pub(crate) path: Box<str>,
    pub(crate) subprotocol: Option<Box<str>>,
    pub(crate) opened: Instant,
    pub(crate) opened_at: SystemTime,
}

impl Record {
    pub(super) fn new(id: u64, client: Client, path: &str) -> Self {
        Self {
            id,
            client,
            path: start(path, MOST_PATH).into(),
            subprotocol: None,
            opened: Instant::now(),
            opened_at: SystemTime::now(),
        }
    }

    pub(crate) fn set_subprotocol(&mut self, name: &str) {
        self.subprotocol = Some(start(name, MOST_SUBPROTOCOL).into());
    }
}

/// The versions of HTTP as labels.
pub(super) const VERSIONS: [&str; 3] = ["1.1", "2", "3"];

pub(super) fn version_index(version: Version) -> usize {
    match version {
        Version::HTTP_2 => 1,
        Version::HTTP_3 => 2,
        _ => 0,
    }
}

/// Returns the version as a number, like `1.1`.
pub(crate) fn version_number(version: Version) -> &'static str {
    VERSIONS[version_index(version)]
}

/// The first bytes of a text, without a part of a character at the end.
fn start(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// A client chooses the path, and the record lives as long as its WebSocket.
const MOST_PATH: usize = 256;
const MOST_SUBPROTOCOL: usize = 64;
