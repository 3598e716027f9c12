//! What happens to a connection that comes back.

use silverback_proto::{CloseFrame, ControlPayload, Message};

use super::{hooks::ReconnectAttempt, outage::Outage};

/// What [`ReconnectingConn::read_event`](super::ReconnectingConn::read_event) tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReconnectEvent {
    /// There is a connection, and it is set up.
    Connected(ReconnectAttempt),
    /// The connection broke, or an attempt failed. Here is what was not sent.
    Disconnected(Outage),
    /// A message.
    Message(Message),
    /// A ping, which was answered.
    Ping(ControlPayload),
    /// A pong.
    Pong(ControlPayload),
    /// The server's Close frame, which was answered.
    Close(Option<CloseFrame>),
}
