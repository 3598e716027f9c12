//! An independent, naive frame codec (RFC 6455, 5.2). It is slow and does not validate: it builds, encodes and decodes
//! frames that break the rules like any others. Validation is up to the library under test.
//!
//! ```
//! use silverback_testkit::wire::{bits, decode, hex, text};
//!
//! let frame = text("Hello");
//! assert_eq!(frame.encode(), hex("81 05 48 65 6c 6c 6f"));
//! assert_eq!(frame.encode()[..2], bits("1 000 0001  0 0000101"));
//!
//! let masked = text("Hello").masked([0x37, 0xfa, 0x21, 0x3d]).encode();
//! let (seen, used) = decode(&masked).expect("a whole frame");
//! assert_eq!(used, masked.len());
//! assert_eq!(seen.payload, b"Hello");
//! assert_eq!(seen.unmasked(), text("Hello"));
//! ```

mod codec;
mod frame;
mod naive;
mod notation;

pub use codec::{decode, decode_all};
pub use frame::{CLIENT_KEY, Frame, LengthForm, binary, close, close_empty, continuation, frame, ping, pong, text};
pub use naive::{Utf8Prefix, naive_mask, naive_utf8_prefix};
pub use notation::{bits, hex, to_hex};

#[cfg(test)]
mod tests;
