//! The UDP sockets for HTTP/3, on the ports of the TCP listeners.
//!
//! One thread reads them all. Several sockets on one port (SO_REUSEPORT) do not work here as they do for TCP: the kernel
//! chooses a socket by the address of the client, and a client of QUIC that moves to another address keeps its connection.

use std::{
    future::poll_fn,
    io,
    net::{SocketAddr, UdpSocket},
    pin::Pin,
    task::Poll,
};

use rustls::ServerConfig;
use silverback::{Http3Endpoint, Http3Incoming};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{listen::Bound, sockets::Listener};
use crate::{
    addresses::canonical,
    error::{self, Error},
};

/// Binds a UDP socket beside each TCP listener. If a port is taken, the service goes without HTTP/3 there.
pub(crate) fn bind_beside(bound: &[Bound]) -> Vec<UdpSocket> {
    let listeners = bound.iter().flat_map(|bound| &bound.listeners);
    let bind = |listener: &Listener| {
        #[cfg(unix)]
        let Listener::Tcp(listener) = listener else { return None };
        #[cfg(not(unix))]
        let Listener::Tcp(listener) = listener;
        let address = listener.local_addr().ok()?;
        let takes_both = address.is_ipv6() && !SockRef::from(listener).only_v6().unwrap_or(true);
        let socket = bind(address, takes_both);
        let report = |error: &io::Error| {
            let address = canonical(address);
            error::report(&format_args!("cannot listen on UDP {address}, serving without HTTP/3 there: {error}"));
        };
        socket.inspect_err(report).ok()
    };
    listeners.filter_map(bind).collect()
}

fn bind(address: SocketAddr, takes_both: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!takes_both)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The endpoints of the service.
#[derive(Debug)]
pub(crate) struct Endpoints(Vec<Http3Endpoint>);

impl Endpoints {
    /// Needs a runtime.
    pub(crate) fn new(sockets: Vec<UdpSocket>, tls: Option<&ServerConfig>) -> Result<Self, Error> {
        let Some(tls) = tls else { return Ok(Self(Vec::new())) };
        let endpoints = sockets.into_iter().map(|socket| Http3Endpoint::on(socket, tls.clone()));
        let endpoints = endpoints.collect::<io::Result<_>>();
        Ok(Self(endpoints.map_err(|error| Error::System(format!("cannot serve HTTP/3: {error}")))?))
    }

    /// Returns the next client that begins a connection. Never completes if there is no endpoint.
    ///
    /// Cancel safe.
    pub(crate) async fn accept(&self) -> Http3Incoming {
        let mut accepting: Vec<_> = self.0.iter().map(|endpoint| Some(Box::pin(endpoint.accept()))).collect();
        poll_fn(|cx| {
            for next in &mut accepting {
                match next.as_mut().map(|next| Pin::new(next).poll(cx)) {
                    Some(Poll::Ready(Some(client))) => return Poll::Ready(client),
                    // The socket has failed.
                    Some(Poll::Ready(None)) => *next = None,
                    Some(Poll::Pending) | None => {}
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Refuses new connections, and waits until all others have ended.
    pub(crate) async fn shut_down(&self) {
        let mut ending: Vec<_> = self.0.iter().map(|endpoint| Some(Box::pin(endpoint.shut_down()))).collect();
        poll_fn(|cx| {
            for end in &mut ending {
                if end.as_mut().is_some_and(|end| Pin::new(end).poll(cx).is_ready()) {
                    *end = None;
                }
            }
            if ending.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
