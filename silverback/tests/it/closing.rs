//! The closing handshake (RFC 6455, 5.5.1 and 7): one Close each, nothing after it, within its budget.

mod a_fault;
mod started_by_the_peer;
mod started_by_us;
mod the_transport;
