//! What can be asked of a connection while it is open, and changed.

use std::net::SocketAddr;

use crate::{Conn, Reader};

impl Conn {
    /// The peer's address; see [`Reader::peer_addr`].
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.reader.peer_addr()
    }

    /// Our address; see [`Reader::local_addr`].
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.reader.local_addr()
    }

    /// Sets the limit on messages anew; see [`Reader::set_max_message_size`].
    pub fn set_max_message_size(&mut self, bytes: u64) {
        self.reader.set_max_message_size(bytes);
    }
}

impl Reader {
    /// The address of the other end of the TCP connection, which may be a proxy's; also under TLS, by rustls or the
    /// system's library where its feature is on, on a `TcpStream`. `None` on any other transport, and once the connection
    /// has ended. The system may be asked: keep the answer if you need it often.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        Some(self.driver().io().addresses()?.peer)
    }

    /// The address of our end of the TCP connection; `None` as for [`peer_addr`](Self::peer_addr).
    pub fn local_addr(&self) -> Option<SocketAddr> {
        Some(self.driver().io().addresses()?.local)
    }

    /// Sets the limit on messages anew, in bytes, from the next frame on: small before a client has said who it is, for
    /// instance, and larger after that. Default: [`Config::max_message_size`](crate::Config::max_message_size). What
    /// was said of frames alone ([`Config::max_frame_size`](crate::Config::max_frame_size)) stays.
    pub fn set_max_message_size(&mut self, bytes: u64) {
        *self.max_message_size() = bytes;
        self.driver_mut().set_max_message_size(bytes);
    }
}
