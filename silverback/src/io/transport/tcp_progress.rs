//! How much of our output the peer's side of a TCP connection has acknowledged. Our kernel accepts megabytes that a
//! slow peer has not seen, so what our kernel accepts says little about the peer.
//!
//! On Linux we ask over netlink (sock_diag(7)), because the socket options with the same information need unsafe code.
//! On other systems, or in a sandbox that forbids netlink, a connection counts what our kernel accepts.

use crate::io::transport::socket::Addresses;

/// The bytes that the peer's side has acknowledged, and those that our kernel still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpProgress {
    /// Bytes acknowledged since the connection began.
    pub(crate) acknowledged: u64,
    /// Bytes not acknowledged yet.
    pub(crate) outstanding: u64,
}

impl TcpProgress {
    /// Returns the progress of the connection between these addresses, or `None` if the system does not tell.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn of(addresses: &Addresses) -> Option<Self> {
        linux::ask(addresses)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn of(_: &Addresses) -> Option<Self> {
        None
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::{io::Read, net::SocketAddr};

    use socket2::{Domain, Protocol, Socket, Type};

    use super::TcpProgress;
    use crate::io::transport::socket::Addresses;

    /// Asks the kernel with a new socket. Questions are rare, and a socket for each thread would keep a descriptor
    /// open.
    pub(crate) fn ask(addresses: &Addresses) -> Option<TcpProgress> {
        let mut netlink =
            Socket::new(Domain::from(AF_NETLINK), Type::DGRAM, Some(Protocol::from(NETLINK_SOCK_DIAG))).ok()?;
        // The kernel's answer is ready when `send` returns.
        netlink.set_nonblocking(true).ok()?;
        netlink.send(&question(addresses)?).ok()?;
        let mut answer = [0; ANSWER];
        let len = netlink.read(&mut answer).ok()?;
        read_answer(&answer[..len])
    }

    /// Encodes a `struct nlmsghdr` and a `struct inet_diag_req_v2`.
    fn question(addresses: &Addresses) -> Option<Vec<u8>> {
        let Addresses { local, peer } = addresses;
        let family = match local {
            SocketAddr::V4(_) => AF_INET,
            SocketAddr::V6(_) => AF_INET6,
        };
        let mut bytes = Vec::with_capacity(QUESTION);
        bytes.extend((QUESTION as u32).to_ne_bytes());
        bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        bytes.extend(NLM_F_REQUEST.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend([family, IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0]);
        bytes.extend(EVERY_STATE.to_ne_bytes());
        bytes.extend(local.port().to_be_bytes());
        bytes.extend(peer.port().to_be_bytes());
        bytes.extend(address(local));
        bytes.extend(address(peer));
        bytes.extend(interface(local).to_ne_bytes());
        bytes.extend(NO_COOKIE.to_ne_bytes());
        (bytes.len() == QUESTION).then_some(bytes)
    }

    fn address(of: &SocketAddr) -> [u8; 16] {
        match of {
            SocketAddr::V4(of) => {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&of.ip().octets());
                bytes
            }
            SocketAddr::V6(of) => of.ip().octets(),
        }
    }

    fn interface(of: &SocketAddr) -> u32 {
        match of {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(of) => of.scope_id(),
        }
    }

    /// Decodes a `struct nlmsghdr`, a `struct inet_diag_msg`, and attributes, one of which is a `struct tcp_info`.
    fn read_answer(answer: &[u8]) -> Option<TcpProgress> {
        let kind = u16::from_ne_bytes(field(answer, 4)?);
        if kind != SOCK_DIAG_BY_FAMILY {
            return None;
        }
        let outstanding = u32::from_ne_bytes(field(answer, HEADER + WRITE_QUEUE)?);
        let mut attributes = answer.get(HEADER + MESSAGE..)?;
        loop {
            let len = usize::from(u16::from_ne_bytes(field(attributes, 0)?));
            let kind = u16::from_ne_bytes(field(attributes, 2)?);
            if kind == u16::from(INET_DIAG_INFO) {
                let info = attributes.get(4..len)?;
                let acknowledged = u64::from_ne_bytes(field(info, BYTES_ACKED)?);
                return Some(TcpProgress { acknowledged, outstanding: outstanding.into() });
            }
            attributes = attributes.get(len.max(4).next_multiple_of(4)..)?;
        }
    }

    fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
        bytes.get(at..)?.first_chunk().copied()
    }

    const AF_NETLINK: i32 = 16;
    const NETLINK_SOCK_DIAG: i32 = 4;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    const IPPROTO_TCP: u8 = 6;
    const INET_DIAG_INFO: u8 = 2;
    const EVERY_STATE: u32 = u32::MAX;
    const NO_COOKIE: u64 = u64::MAX;

    const HEADER: usize = 16;
    const QUESTION: usize = HEADER + 56;
    /// The length of a `struct inet_diag_msg`, and the offset of `idiag_wqueue` in it.
    const MESSAGE: usize = 72;
    const WRITE_QUEUE: usize = 60;
    /// The offset of `tcpi_bytes_acked` in a `struct tcp_info`. Kernels before 4.1 do not have this field.
    const BYTES_ACKED: usize = 120;
    /// Answers have 408 bytes today.
    const ANSWER: usize = 4096;
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
#[path = "tcp_progress_tests.rs"]
mod tests;
