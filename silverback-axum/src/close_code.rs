//! The close codes of the registry (RFC 6455, 7.4.1 and 11.7) under the names that axum gives them.

/// The purpose is fulfilled.
pub const NORMAL: u16 = 1000;
/// The server stops, or the page is left.
pub const AWAY: u16 = 1001;
/// The peer broke the protocol.
pub const PROTOCOL: u16 = 1002;
/// A kind of data that cannot be accepted.
pub const UNSUPPORTED: u16 = 1003;
/// The Close frame had no code. Never on the wire.
pub const STATUS: u16 = 1005;
/// The connection ended without a Close frame. Never on the wire.
pub const ABNORMAL: u16 = 1006;
/// Data that does not fit its kind, as text that is not UTF-8.
pub const INVALID: u16 = 1007;
/// A policy was broken.
pub const POLICY: u16 = 1008;
/// A message is too big.
pub const SIZE: u16 = 1009;
/// The server did not agree to an extension that the client needs.
pub const EXTENSION: u16 = 1010;
/// Something unexpected went wrong here.
pub const ERROR: u16 = 1011;
/// The server restarts.
pub const RESTART: u16 = 1012;
/// Overloaded, try again later.
pub const AGAIN: u16 = 1013;
