//! A listener for each thread on the same port (SO_REUSEPORT): the kernel spreads connections over them by a hash of
//! both addresses, and none is handed from thread to thread.
//!
//! Linux and Android do that; elsewhere the option means something else or nothing, and one thread accepts for all.

use std::{io, net::TcpListener};

/// The listeners of each further thread, beside those that are bound already. `None`: the system does not spread
/// connections, or not on these sockets.
///
/// The bound ones did not share their port until here, when they listen already. So a second program, which begins as
/// this one did, was and is refused, at whatever moment it comes.
pub(crate) fn for_threads(bound: &[&TcpListener], threads: usize) -> Option<Vec<Vec<TcpListener>>> {
    let set = || bound.iter().map(|listener| beside(listener)).collect::<io::Result<Vec<_>>>();
    (0..threads).map(|_| set()).collect::<io::Result<_>>().ok()
}

#[cfg(any(target_os = "android", target_os = "linux"))]
fn beside(bound: &TcpListener) -> io::Result<TcpListener> {
    use super::listen::{self, Families};

    let address = bound.local_addr()?;
    let bound = socket2::SockRef::from(bound);
    bound.set_reuse_port(true)?;
    let takes_both = address.is_ipv6() && !bound.only_v6()?;
    let socket = listen::new_socket(address, if takes_both { Families::Both } else { Families::Own })?;
    socket.set_reuse_port(true)?;
    listen::bind_socket(socket, address)
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn beside(_: &TcpListener) -> io::Result<TcpListener> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, any(target_os = "android", target_os = "linux")))]
#[path = "siblings_tests.rs"]
mod tests;
