//! The layer of HTTP/3 that WebSocket needs (RFC 9114, 9204, 9220), for both roles, without I/O.
//!
//! QUIC gives streams of bytes, and this room reads and writes their contents:
//!
//! ```text
//!  unidirectional streams  --> UniStream: stream type --> control stream: SETTINGS, GOAWAY --> Peer
//!                                                     \-> QPACK streams, which must stay silent
//!  one request stream      --> RequestStream: frames --> HEADERS: qpack, message --> http::Request, http::Response
//!                                                    \-> DATA: ranges of the input
//! ```
//!
//! `varint`, `frame`, `settings` and `qpack` read and write bits. `rules` says which frame may come on which stream.
//! `message` turns a field section into a request or response and back, and refuses malformed ones. `request_stream`
//! and `uni_stream` hold the state of one stream each. Every [`Error`] has an [`ErrorCode`] and knows whether it ends
//! the connection or only the stream.
//!
//! This layer uses no dynamic table of QPACK, no server push and no priorities. It never allocates memory for a
//! declared length. Memory grows with the bytes that arrived, and [`Limits`] bounds it. This room may use `handshake`
//! and `wire`.

mod error;
mod error_code;
mod frame;
mod limits;
mod message;
mod message_fault;
mod peer;
mod qpack;
mod request_stream;
mod rules;
mod settings;
mod stream_type;
#[cfg(test)]
mod tests;
mod uni_stream;
mod varint;

pub use error::{Error, FieldSectionFault, LimitError, Place, SettingsFault};
pub use error_code::ErrorCode;
pub use frame::{FrameHeader, FrameHeaderBytes, FrameType, MAX_FRAME_HEADER_LEN, goaway_frame};
pub use limits::Limits;
pub use message_fault::{MessageFault, UnsendableMessage};
pub use peer::Peer;
pub use qpack::{Field, FieldSection};
pub use request_stream::{HandledInput, RequestStream, StreamEvent};
pub use settings::Settings;
pub use stream_type::StreamType;
pub use uni_stream::UniStream;
