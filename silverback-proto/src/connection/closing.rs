//! The record of a closing handshake (RFC 6455, 7.1.4 to 7.1.6): who began it, and what each side said.

use std::{borrow::Cow, fmt};

use crate::{message::close::CloseFrame, wire::close_code::CloseCode};

/// How a connection ended.
///
/// `Display` says who began and with which code: `closed by the peer with 1001 (going away)`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseInfo {
    /// The code of the peer's Close frame: 1005 if it was empty, 1006 if none came (7.1.5).
    pub code: CloseCode,
    /// The reason of the peer's Close frame, or an empty string.
    pub reason: Cow<'static, str>,
    /// The Close frame that we queued, even if it was never sent. `None` if we queued none or an empty one.
    pub sent: Option<CloseFrame>,
    /// The side that began to close.
    pub initiator: Initiator,
    /// Whether both Close frames were exchanged and neither side was at fault.
    pub is_clean: bool,
}

impl CloseInfo {
    /// Whether the connection ended with one of these codes. 1005 stands for an empty Close frame, 1006 for none at
    /// all.
    ///
    /// ```
    /// # fn ended(info: silverback_proto::CloseInfo) {
    /// if !info.has_code([1000, 1001]) {
    ///     println!("closed with {}: {}", info.code, info.reason);
    /// }
    /// # }
    /// ```
    pub fn has_code<C: Into<CloseCode>>(&self, codes: impl IntoIterator<Item = C>) -> bool {
        codes.into_iter().any(|code| code.into() == self.code)
    }

    /// Whether the connection ended with none of the `expected` codes, which is usually worth a line in a log.
    pub fn is_unexpected<C: Into<CloseCode>>(&self, expected: impl IntoIterator<Item = C>) -> bool {
        !self.has_code(expected)
    }

    /// Returns the code of the side that began to close: of our Close frame if this side began, and of the peer's
    /// otherwise. 1005 stands for an empty Close frame, and 1006 for an end without a closing handshake.
    ///
    /// [`code`](Self::code) is always the peer's, which repeats ours or is 1006 if this side began.
    ///
    /// ```
    /// # fn ended(info: silverback_proto::CloseInfo) {
    /// println!("closed with {} by {:?}", info.initial_code(), info.initiator);
    /// # }
    /// ```
    pub fn initial_code(&self) -> CloseCode {
        match self.initiator {
            Initiator::Local => self.sent.as_ref().map_or(CloseCode::NO_STATUS, |frame| frame.code),
            Initiator::Peer => self.code,
            Initiator::Nobody => CloseCode::ABNORMAL,
        }
    }
}

impl fmt::Display for CloseInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.initiator {
            Initiator::Local => {
                f.write_str("closed by this side with ")?;
                match &self.sent {
                    Some(frame) => frame.fmt(f)?,
                    None => CloseCode::NO_STATUS.fmt(f)?,
                }
            }
            Initiator::Peer => {
                f.write_str("closed by the peer with ")?;
                CloseFrame { code: self.code, reason: self.reason.clone() }.fmt(f)?;
            }
            Initiator::Nobody => return f.write_str("ended without a closing handshake"),
        }
        if self.is_clean { Ok(()) } else { f.write_str(", not cleanly") }
    }
}

/// The side that began to close a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// This side: the application closed, or we found a fault of the peer.
    Local,
    /// The peer sent its Close frame first.
    Peer,
    /// Neither side: the transport ended, or a deadline passed.
    Nobody,
}

/// The progress of the closing handshake.
#[derive(Debug, Default)]
pub(super) struct Closing(Option<Box<Record>>);

#[derive(Debug, Default)]
struct Record {
    initiator: Option<Initiator>,
    is_queued: bool,
    has_left: bool,
    sent: Option<CloseFrame>,
    has_received: bool,
    received: Option<CloseFrame>,
    has_failed: bool,
}

impl Closing {
    /// Notes that our Close frame is queued. Returns false if one was queued before.
    pub(super) fn queue(&mut self, close: Option<CloseFrame>, initiator: Initiator) -> bool {
        let record = self.record();
        if record.is_queued {
            return false;
        }
        record.is_queued = true;
        record.sent = close;
        record.initiator.get_or_insert(initiator);
        true
    }

    /// The Close frame that was queued.
    pub(super) fn sent(&self) -> Option<&CloseFrame> {
        self.0.as_ref()?.sent.as_ref()
    }

    /// Whether either side has begun to close, or the connection was lost.
    #[inline]
    pub(super) fn has_begun(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn is_queued(&self) -> bool {
        self.0.as_ref().is_some_and(|record| record.is_queued)
    }

    /// Notes that our Close frame was written to the transport.
    pub(super) fn note_left(&mut self) {
        self.record().has_left = true;
    }

    pub(super) fn note_received(&mut self, close: Option<CloseFrame>) {
        let record = self.record();
        // After a failed write the initiator is `Nobody`, but the peer's Close frame may still be read.
        if matches!(record.initiator, None | Some(Initiator::Nobody)) {
            record.initiator = Some(Initiator::Peer);
        }
        record.has_received = true;
        record.received = close;
    }

    pub(super) fn note_failed(&mut self) {
        self.record().has_failed = true;
    }

    pub(super) fn note_lost(&mut self) {
        self.record().initiator.get_or_insert(Initiator::Nobody);
    }

    pub(super) fn info(&self) -> Option<CloseInfo> {
        let record = self.0.as_deref()?;
        let (code, reason) = match &record.received {
            Some(close) => (close.code, close.reason.clone()),
            None if record.has_received => (CloseCode::NO_STATUS, Cow::Borrowed("")),
            None => (CloseCode::ABNORMAL, Cow::Borrowed("")),
        };
        Some(CloseInfo {
            code,
            reason,
            sent: record.sent.clone(),
            initiator: record.initiator.unwrap_or(Initiator::Nobody),
            is_clean: record.has_received && record.has_left && !record.has_failed,
        })
    }

    fn record(&mut self) -> &mut Record {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(initiator: Initiator, sent: Option<CloseFrame>, is_clean: bool, expected: &str) {
        let reason = Cow::Borrowed("good\nbye");
        let info = CloseInfo { code: CloseCode::GOING_AWAY, reason, sent, initiator, is_clean };
        assert_eq!(info.to_string(), expected);
    }

    #[test]
    fn the_end_of_a_connection_is_shown_in_one_line() {
        let unclean = ", not cleanly";
        let sent = CloseFrame { code: CloseCode::NORMAL, reason: Cow::Borrowed("done") };
        check(Initiator::Peer, None, true, "closed by the peer with 1001 (going away): good\\nbye");
        let expected = "closed by this side with 1000 (normal closure): done";
        check(Initiator::Local, Some(sent.clone()), true, expected);
        check(Initiator::Local, Some(sent), false, &format!("{expected}{unclean}"));
        check(Initiator::Local, None, true, "closed by this side with 1005 (no status received)");
        check(Initiator::Nobody, None, false, "ended without a closing handshake");
    }
}
