//! Events of a reconnecting connection.

use silverback_proto::{CloseFrame, ControlPayload, Message};

use super::{hooks::ReconnectAttempt, outage::Outage};

/// An event that [`ReconnectingConn::read_event`](super::ReconnectingConn::read_event) returns.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReconnectEvent {
    /// A connection is open and set up.
    Connected(ReconnectAttempt),
    /// The connection broke, or an attempt failed. Contains the messages that were not sent.
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
