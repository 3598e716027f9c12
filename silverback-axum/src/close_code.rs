//! The close codes of the registry (RFC 6455, 7.4.1 and 11.7) under the names that axum gives them.

/// The purpose of the connection is fulfilled.
pub const NORMAL: u16 = 1000;
/// The server stops, or the user leaves the page.
pub const AWAY: u16 = 1001;
/// The peer broke the protocol.
pub const PROTOCOL: u16 = 1002;
/// The endpoint cannot accept this kind of data.
pub const UNSUPPORTED: u16 = 1003;
/// The Close frame had no code. Never on the wire.
pub const STATUS: u16 = 1005;
/// The connection ended without a Close frame. Never on the wire.
pub const ABNORMAL: u16 = 1006;
/// The data does not fit its kind, such as text that is not UTF-8.
pub const INVALID: u16 = 1007;
/// A message violates a policy.
pub const POLICY: u16 = 1008;
/// A message is too big.
pub const SIZE: u16 = 1009;
/// The server did not agree to an extension that the client needs.
pub const EXTENSION: u16 = 1010;
/// An unexpected error occurred at the sender.
pub const ERROR: u16 = 1011;
/// The server restarts.
pub const RESTART: u16 = 1012;
/// The server is overloaded; the client may try again later.
pub const AGAIN: u16 = 1013;
