//! The state of a connection (RFC 6455, 7.1): the only file that moves it.

#[cfg(test)]
mod tests;

/// The state of a connection. It depends on which Close frames were sent and received.
///
/// ```text
/// Open --send close--> CloseSent --receive close--> Closed
/// Open --receive close--> CloseReceived --send close--> Closed
/// Open, CloseReceived --fail--> Failing --send close--> Closed      CloseSent --fail--> Closed
/// any of them --lose--> Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Both sides may send messages.
    Open,
    /// Our Close frame was sent, and the peer's has not arrived.
    CloseSent,
    /// The peer's Close frame has arrived, and ours was not sent yet.
    CloseReceived,
    /// The peer is at fault (7.1.7). Our Close frame follows the output that the transport takes at once. Input is
    /// ignored.
    Failing,
    /// The connection has ended, and no byte is sent any more.
    Closed,
}

/// An event that changes the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Our Close frame was written to the transport.
    SendClose,
    /// The peer's Close frame has arrived.
    ReceiveClose,
    /// The peer broke a rule or a limit, and our Close frame tells it.
    Fail,
    /// The transport ended or a deadline passed.
    Lose,
}

impl State {
    /// Returns the state after `step`. A step that does not apply in this state changes nothing.
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
