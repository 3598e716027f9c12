//! WebSockets over HTTP/3, on UDP sockets of loopback. Most clients are the kit's, which writes every byte by hand.

mod client;
mod faulty_servers;
mod hostile;
mod server;
mod session;
mod streams;
mod support;
