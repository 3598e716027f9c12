//! One connection over HTTP/3: the server's SETTINGS, and its streams.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::Poll,
};

use quinn::{Connection, RecvStream, SendStream};
use silverback_proto::{
    Role,
    h3::{Limits, Peer, Settings},
};
use tokio::{sync::watch, time::sleep};

use crate::{
    dial::multiplexed::{CHECK, MAX_IDLE_CHECKS, MAX_STREAMS},
    io::transport::http3::{
        control::{self, Told},
        halves,
        link::Link,
        reader::Http3Reader,
        writer::Http3Writer,
    },
};

/// A connection on which streams can be opened. When it and all streams are gone, the connection ends.
#[derive(Debug)]
pub(super) struct Http3Connection {
    /// `None` if no more streams may be opened.
    link: Mutex<Option<Arc<Link>>>,
    told: watch::Receiver<Told>,
    pub(super) settings: Settings,
    pub(super) peer: SocketAddr,
    limits: Limits,
}

/// A connection of QUIC, and the address of our socket if it is known.
pub(super) struct Quic {
    pub(super) connection: Connection,
    pub(super) socket: Option<SocketAddr>,
}

/// The two halves of a new stream. If they are dropped, the stream is reset.
pub(super) struct Slot {
    pub(super) writer: Http3Writer,
    pub(super) reader: Http3Reader,
    pub(super) link: Arc<Link>,
    /// What the server accepts.
    pub(super) settings: Settings,
    /// What it says on its control stream.
    pub(super) told: watch::Receiver<Told>,
}

impl Http3Connection {
    /// Begins HTTP/3, and waits for the server's SETTINGS.
    pub(super) async fn begin(quic: Quic, limits: Limits) -> io::Result<Arc<Self>> {
        let Quic { connection, socket } = quic;
        let peer = connection.remote_address();
        let control = control::open(&connection, &Settings::client(&limits)).await?;
        let link = Arc::new(Link::new(connection, socket, Some(control)));
        let mut told = control::read_in_background(&link, Peer::new(Role::Server, limits));
        let settings = loop {
            if let Some(settings) = told.borrow_and_update().settings {
                break settings;
            }
            if told.changed().await.is_err() {
                return Err(link.error(link.connection().closed().await));
            }
        };
        let this = Arc::new(Self { link: Mutex::new(Some(link)), told, settings, peer, limits });
        tokio::spawn(end_if_idle(Arc::downgrade(&this)));
        Ok(this)
    }

    /// Opens one more stream, if the connection may have one now.
    pub(super) async fn slot(&self) -> Option<Slot> {
        // RFC 9114, 5.2: the server is about to end the connection.
        let link = self.link().filter(|_| self.told.borrow().goaway.is_none())?;
        // This connection and the variable here count too. A handshake counts twice.
        if Arc::strong_count(&link) >= MAX_STREAMS + 2 {
            return None;
        }
        // Pending means that the server allows no more streams now.
        let opening = poll_fn(|cx| match pin!(link.connection().open_bi()).poll(cx) {
            Poll::Ready(Ok(stream)) => Poll::Ready(Some(stream)),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
        });
        let stream = opening.await?;
        Some(self.with(stream, link))
    }

    /// Waits until the server allows the first stream.
    pub(super) async fn first_slot(&self) -> io::Result<Slot> {
        let link = self.link().ok_or(io::ErrorKind::NotConnected)?;
        let stream = link.connection().open_bi().await.map_err(|error| link.error(error))?;
        Ok(self.with(stream, link))
    }

    /// Opens no more streams. Those that are open live on, and the connection ends after the last one.
    pub(super) fn retire(&self) {
        // Dropped outside of the lock.
        let _link = self.link.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn with(&self, stream: (SendStream, RecvStream), link: Arc<Link>) -> Slot {
        let (writer, reader) = halves(stream, Role::Server, self.limits, link.clone());
        Slot { writer, reader, link, settings: self.settings, told: self.told.clone() }
    }

    fn link(&self) -> Option<Arc<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_idle(&self) -> bool {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().is_some_and(|link| Arc::strong_count(link) == 1)
    }
}

/// Ends a connection that has carried no WebSocket for about a minute. The next dial opens a new one.
async fn end_if_idle(connection: Weak<Http3Connection>) {
    let mut idle_checks = 0;
    loop {
        sleep(CHECK).await;
        let Some(connection) = connection.upgrade() else { return };
        idle_checks = if connection.is_idle() { idle_checks + 1 } else { 0 };
        if idle_checks == MAX_IDLE_CHECKS {
            return connection.retire();
        }
    }
}
