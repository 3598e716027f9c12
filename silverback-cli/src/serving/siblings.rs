//! Listeners for further threads. TCP listeners share their port (SO_REUSEPORT), so the kernel spreads connections over
//! them by a hash of both addresses, and no connection moves between threads.
//!
//! Linux and Android do that. Elsewhere the option has another meaning or no effect, so one thread accepts for all.

use std::{io, net::TcpListener};

use super::{listen::Bound, sockets::Listener};

/// Returns the listeners of each further thread, beside those already bound. `None` if the system does not spread
/// connections over the listeners of a port, or not for these sockets.
///
/// The bound sockets begin to share their port only now, when they already listen. A second program that starts in the
/// same way is therefore always refused.
pub(crate) fn for_threads(bound: &[Bound], threads: usize) -> Option<Vec<Vec<Listener>>> {
    let of_one = |bound: &Bound| bound.listeners.iter().map(|listener| beside(listener, bound.is_given)).collect();
    let set = || {
        let sets = bound.iter().map(of_one).collect::<io::Result<Vec<Vec<_>>>>();
        sets.map(|sets| sets.into_iter().flatten().collect())
    };
    (0..threads).map(|_| set()).collect::<io::Result<_>>().ok()
}

fn beside(bound: &Listener, is_given: bool) -> io::Result<Listener> {
    match bound {
        // Its queue outlives this program. A queue of our own would be lost with all connections in it.
        Listener::Tcp(bound) if is_given => bound.try_clone().map(Listener::Tcp),
        Listener::Tcp(bound) => beside_tcp(bound).map(Listener::Tcp),
        // A Unix socket has one queue of connections, from which each thread takes.
        #[cfg(unix)]
        Listener::Unix(bound) => bound.try_clone().map(Listener::Unix),
    }
}

#[cfg(any(target_os = "android", target_os = "linux"))]
fn beside_tcp(bound: &TcpListener) -> io::Result<TcpListener> {
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
fn beside_tcp(_: &TcpListener) -> io::Result<TcpListener> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, any(target_os = "android", target_os = "linux")))]
#[path = "siblings_tests.rs"]
mod tests;
