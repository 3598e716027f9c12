//! HTTP/1.1 heads as bytes (RFC 9112), for callers without an HTTP stack: a bounded reader that finds the end of a
//! head, parsers for requests and responses, and encoders for both. `server` and `client` decide whether a head is an
//! opening handshake.
//!
//! ```
//! use silverback_proto::handshake::http1::{HeadReader, Progress, parse_request};
//!
//! let mut reader = HeadReader::new(16 * 1024);
//! let input = b"GET /chat HTTP/1.1\r\nHost: example.com\r\n\r\n\x81";
//! let progress = reader.handle_input(input)?;
//! // The last byte belongs to the WebSocket stream.
//! assert_eq!(progress, Progress::Complete { consumed: input.len() - 1 });
//! assert_eq!(parse_request(reader.head())?.uri(), "/chat");
//! # Ok::<_, silverback_proto::handshake::HeadError>(())
//! ```

pub(super) mod encode;
pub(super) mod error;
pub(super) mod parse;
pub(super) mod reader;

pub use encode::{encode_request, encode_response, encode_response_head};
pub use error::HeadError;
pub use parse::{parse_request, parse_response};
pub use reader::{HeadReader, Progress};
