//! Tests of the opening handshake, a file per area, grouped by section of RFC 6455.

mod client;
mod client_request;
mod compression;
mod connect;
mod extension;
mod headers;
mod host;
mod http1;
mod key;
mod origin;
mod properties;
mod rejection;
mod server;
mod server_answer;
mod subprotocol;
mod support;
mod words;
