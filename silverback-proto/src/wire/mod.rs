//! One frame: its bits, the rules about it, and the errors if it breaks them (RFC 6455, 5.2 and 7.4).
//!
//! `header` reads and writes bits, and `rules` validates what they say. `mask` masks and unmasks payload. `opcode` and
//! `close_code` are numbers of the registry by name. `error` says what can go wrong on a connection, whose fault it is,
//! and with which close code the connection ends. This room uses no other room.

pub(crate) mod close_code;
pub(crate) mod error;
pub(crate) mod header;
pub(crate) mod limits;
pub(crate) mod mask;
pub(crate) mod opcode;
pub(crate) mod role;
pub(crate) mod rules;
