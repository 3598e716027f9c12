//! Compares the messages that the application has read with those that its peer has sent.

use silverback::{Error, Message, MessageKind};

use super::{Log, Peer};

/// The received messages, compared with the sent ones.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Number of the peer's messages that were received or skipped.
    pub(super) next: usize,
    /// From this message on, the peer's garbage may have added messages.
    pub(super) trusted: Option<usize>,
    /// Whether messages may have been discarded while closing.
    pub(super) skips: bool,
    /// Whether the connection has ended.
    pub(super) has_ended: bool,
}

impl Inbox {
    pub(super) fn note_message(&mut self, message: &Message, peer: &Peer) {
        assert!(!self.has_ended, "{message:?} after the end");
        if self.trusted.is_some_and(|trusted| self.next >= trusted) {
            return;
        }
        let rest = peer.sent.get(self.next..).unwrap_or_default();
        let place = if self.skips { rest.iter().position(|sent| sent == message) } else { Some(0) };
        let is_expected = place.and_then(|place| rest.get(place)) == Some(message);
        assert!(is_expected || (self.skips && self.trusted.is_some()), "{message:?} was not sent next");
        self.next += place.map_or(0, |place| place + 1);
    }

    /// Takes a part of the next message, or all of it.
    pub(super) fn note_part(&mut self, kind_is_text: bool, part: &[u8], is_all: bool, peer: &Peer) {
        assert!(!self.has_ended, "a message after the end");
        if self.skips || self.trusted.is_some_and(|trusted| self.next >= trusted) {
            return;
        }
        let (is_text, sent, is_whole) = match peer.sent.get(self.next) {
            Some(message) => (message.as_text().is_some(), message.as_bytes(), true),
            None => {
                let (kind, bytes) = peer.open.as_ref().expect("the peer has begun a message");
                (*kind == MessageKind::Text, bytes.as_slice(), false)
            }
        };
        assert_eq!(is_text, kind_is_text);
        assert!(sent.starts_with(part) && (!is_all || (is_whole && sent.len() == part.len())), "{part:?} of {sent:?}");
        self.next += 1;
    }

    pub(super) fn note_end(&mut self, error: Option<&Error>, log: &Log) {
        assert!(!log.is_untroubled(), "the connection ended without a reason: {error:?}");
        assert!(!self.has_ended || error.is_none(), "the end was reported, and then {error:?}");
        self.has_ended = true;
    }
}
