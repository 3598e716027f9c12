//! A UDP socket of quinn that stops hearing or speaking when a test says so.

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use quinn::{
    AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, TokioRuntime, UdpPoller,
    udp::{RecvMeta, Transmit},
};

/// What a socket no longer does.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) is_deaf: AtomicBool,
    pub(super) is_mute: AtomicBool,
}

#[derive(Debug)]
struct Socket {
    inner: Arc<dyn AsyncUdpSocket>,
    cut: Arc<Cut>,
}

/// An endpoint of a client on loopback.
pub(super) fn endpoint(cut: Arc<Cut>) -> Endpoint {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let inner = TokioRuntime.wrap_udp_socket(socket).expect("a socket");
    let socket = Arc::new(Socket { inner, cut });
    let runtime = Arc::new(TokioRuntime);
    Endpoint::new_with_abstract_socket(EndpointConfig::default(), None, socket, runtime).expect("an endpoint")
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if self.cut.is_mute.load(Ordering::SeqCst) { Ok(()) } else { self.inner.try_send(transmit) }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            let received = self.inner.poll_recv(cx, buffers, meta);
            if !self.cut.is_deaf.load(Ordering::SeqCst) || !matches!(received, Poll::Ready(Ok(_))) {
                return received;
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}
