//! The state of a connection (RFC 6455, 7.1): the only file that moves it.

#[cfg(test)]
mod tests;

/// Where a connection stands, by what has been on the wire.
///
/// ```text
/// Open --send close--> CloseSent --receive close--> Closed
/// Open --receive close--> CloseReceived --send close--> Closed
/// Open, CloseReceived --fail--> Failing --send close--> Closed      CloseSent --fail--> Closed
/// any of them --lose--> Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Messages may go both ways.
    Open,
    /// Our Close frame has left, the peer's has not come.
    CloseSent,
    /// The peer's Close frame has come, ours has not left.
    CloseReceived,
    /// The peer is at fault (7.1.7): our Close frame is sent, after what the transport takes at once. Nothing more is read.
    Failing,
    /// Over. No byte leaves any more.
    Closed,
}

/// What moves a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Our Close frame has left.
    SendClose,
    /// The peer's Close frame has come.
    ReceiveClose,
    /// The peer broke a rule or a limit, and is told.
    Fail,
    /// The transport or a deadline is gone.
    Lose,
}

impl State {
    /// The state after `step`. A step that makes no sense in a state leaves it as it is.
    pub(super) fn after(self, step: Step) -> Self {
        use State::{CloseReceived, CloseSent, Closed, Failing, Open};
        match (self, step) {
            (_, Step::Lose) => Closed,
            (Open, Step::SendClose) => CloseSent,
            (Open, Step::ReceiveClose) => CloseReceived,
            (CloseSent, Step::ReceiveClose | Step::Fail) => Closed,
            (CloseReceived | Failing, Step::SendClose) => Closed,
            (Open | CloseReceived, Step::Fail) => Failing,
            (CloseSent | Closed, Step::SendClose) => self,
            (CloseReceived | Failing | Closed, Step::ReceiveClose) => self,
            (Failing | Closed, Step::Fail) => self,
        }
    }
}
