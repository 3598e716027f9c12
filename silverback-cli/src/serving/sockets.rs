//! TCP and Unix sockets behind common types, so that the rest of the service does not distinguish them.

#[cfg(unix)]
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream},
    task::{Context, Poll, ready},
};

use http::{HeaderName, HeaderValue, Version, header::ALT_SVC};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::addresses::canonical;

/// A listening socket that does not block and is not in a runtime yet.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(StdTcpListener),
    #[cfg(unix)]
    Unix(StdUnixListener),
}

/// A listening socket in a runtime.
#[derive(Debug)]
pub(crate) enum AsyncListener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// An accepted socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// An accepted socket on its way to the runtime of another thread.
#[derive(Debug)]
pub(crate) enum StdStream {
    Tcp(StdTcpStream),
    #[cfg(unix)]
    Unix(StdUnixStream),
}

/// The client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Ip(SocketAddr),
    /// A process on this machine, with its id if the system provides it.
    #[cfg(unix)]
    Unix(Option<i32>),
}

/// The client of a request or a WebSocket: its address, and the version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) peer: Peer,
    pub(crate) version: Version,
}

/// The facts about an accepted socket that its answers need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Socket {
    /// The other end of the socket.
    pub(crate) peer: Peer,
    /// The client, if a proxy has told it in a header of the PROXY protocol. Otherwise the peer.
    pub(crate) client: Peer,
    /// Whether the proxy does not know its client. `client` is then the proxy, but requests are written by the client, so
    /// their headers may not tell another address.
    pub(crate) is_client_hidden: bool,
    /// The port on which the client can also use HTTP/3.
    pub(crate) http3_port: Option<u16>,
}

impl Socket {
    /// A socket whose other end speaks for itself.
    pub(crate) fn of(peer: Peer) -> Self {
        Self { peer, client: peer, is_client_hidden: false, http3_port: None }
    }

    /// Returns the header that tells the client about HTTP/3 (RFC 7838, 3).
    pub(crate) fn alternative(self) -> Option<(HeaderName, HeaderValue)> {
        let value = HeaderValue::try_from(format!("h3=\":{}\"; ma={REMEMBERED}", self.http3_port?));
        value.ok().map(|value| (ALT_SVC, value))
    }
}

impl Peer {
    pub(crate) fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address.ip()),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}

impl Listener {
    /// Must be called in a runtime.
    pub(crate) fn into_async(self) -> io::Result<AsyncListener> {
        Ok(match self {
            Self::Tcp(listener) => AsyncListener::Tcp(TcpListener::from_std(listener)?),
            #[cfg(unix)]
            Self::Unix(listener) => AsyncListener::Unix(UnixListener::from_std(listener)?),
        })
    }
}

impl AsyncListener {
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        Poll::Ready(match self {
            Self::Tcp(listener) => {
                let accepted = ready!(listener.poll_accept(cx));
                accepted.map(|(stream, peer)| (Stream::Tcp(stream), Peer::Ip(canonical(peer))))
            }
            #[cfg(unix)]
            Self::Unix(listener) => ready!(listener.poll_accept(cx)).map(|(stream, _)| {
                let process = stream.peer_cred().ok().and_then(|credentials| credentials.pid());
                // A process in another container has no id here.
                (Stream::Unix(stream), Peer::Unix(process.filter(|&process| process > 0)))
            }),
        })
    }
}

impl Stream {
    pub(crate) fn into_std(self) -> io::Result<StdStream> {
        Ok(match self {
            Self::Tcp(stream) => StdStream::Tcp(stream.into_std()?),
            #[cfg(unix)]
            Self::Unix(stream) => StdStream::Unix(stream.into_std()?),
        })
    }
}

impl StdStream {
    /// Must be called in a runtime.
    pub(crate) fn into_async(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream)?),
            #[cfg(unix)]
            Self::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A proxy tells the address of its client, and often not the port.
            Self::Ip(address) if address.port() == 0 => address.ip().fmt(f),
            Self::Ip(address) => address.fmt(f),
            #[cfg(unix)]
            Self::Unix(Some(process)) => write!(f, "process {process}"),
            #[cfg(unix)]
            Self::Unix(None) => f.write_str("a local process"),
        }
    }
}

/// HTTP/1.1 is not named, because it is the usual one.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, version } = self;
        match *version {
            Version::HTTP_2 => write!(f, "{peer} over HTTP/2"),
            Version::HTTP_3 => write!(f, "{peer} over HTTP/3"),
            _ => peer.fmt(f),
        }
    }
}

/// The length of the queue of connections that wait to be accepted. The system has its own limit, too.
pub(super) const BACKLOG: i32 = 4096;

/// How long a client may remember that there is HTTP/3, in seconds. The service may start without it the next time.
const REMEMBERED: u32 = 3600;
