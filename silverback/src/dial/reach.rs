//! Connects to the server: resolve the host, open the connection, go through a proxy, establish TLS.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use silverback_proto::handshake::ClientRequest;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::Instant,
};

#[cfg(feature = "socks")]
use super::proxy::{SocksTarget, through_socks};
use super::{
    ConnectTo, DialError, DialEvent, DialStep, Dialer, Proxy, TlsSession,
    connector::{Connect, Route},
    error::Place,
    proxy::{ProxyKind, tunnel},
    race::race,
    resolve::resolve,
    target,
    time_limit::TimeLimit,
    tls::Connector,
    version::Alpn,
};
use crate::io::transport::{socket::peer_of, wire::Wire};

/// A stream that is ready for the opening handshake.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) wire: Wire,
    /// The protocol that ALPN selected.
    #[cfg_attr(not(feature = "http2"), expect(dead_code, reason = "only HTTP/2 is chosen by ALPN"))]
    pub(super) selected: Option<Vec<u8>>,
    /// Bytes of the server that came together with the answer of the proxy.
    #[cfg_attr(not(feature = "http2"), expect(dead_code, reason = "only a server over HTTP/2 may begin"))]
    pub(super) early: Vec<u8>,
}

/// Connects to the server. `alpn` is the offer to a server with TLS.
pub(super) async fn reach(
    dialer: &Dialer,
    request: &ClientRequest,
    alpn: Alpn,
    time: &TimeLimit,
) -> Result<Reached, DialError> {
    Reach { dialer, time }.reach(request, alpn).await
}

struct Reach<'a> {
    dialer: &'a Dialer,
    time: &'a TimeLimit,
}

impl Reach<'_> {
    async fn reach(&self, request: &ClientRequest, alpn: Alpn) -> Result<Reached, DialError> {
        // TLS is prepared first, so that wrong settings fail before any connection is opened.
        let tls = match request.is_secure() {
            true => Some(Connector::of(self.dialer.tls.as_ref(), alpn).await?),
            false => None,
        };
        let host = request.host().trim_matches(['[', ']']);
        let proxy = match &self.dialer.route {
            #[cfg(unix)]
            Route::Unix(_) => None,
            _ => self.proxy_for(request)?,
        };
        let (wire, early) = match proxy {
            Some(proxy) => self.through_proxy(proxy, request, alpn).await?,
            None => (self.connect(&request.socket_host(), request.port(), &target(request)).await?, Vec::new()),
        };
        match tls {
            Some(tls) => {
                let (wire, session) = self.secure(tls, wire, host, &target(request)).await?;
                Ok(Reached { wire, selected: session.alpn, early })
            }
            None => Ok(Reached { wire, selected: None, early }),
        }
    }

    fn proxy_for(&self, request: &ClientRequest) -> Result<Option<&Proxy>, DialError> {
        let proxy = self.dialer.proxies.proxy_for(request.is_secure(), request.host(), request.port());
        proxy.map_err(DialError::ProxyVariable)
    }

    async fn connect(&self, host: &str, port: u16, target: &str) -> Result<Wire, DialError> {
        match &self.dialer.route {
            Route::Custom(connector) => self.connect_custom(connector, host, port, target).await,
            Route::Tcp { from } => {
                let addresses = self.resolve(host, port, target).await?;
                self.connect_tcp(&addresses, *from, target).await
            }
            #[cfg(unix)]
            Route::Unix(path) => self.connect_unix(path).await,
        }
    }

    async fn resolve(&self, host: &str, port: u16, target: &str) -> Result<Vec<SocketAddr>, DialError> {
        let begun = Instant::now();
        let found = resolve(host, port, &self.dialer.overrides);
        let addresses = self.time.within(DialStep::Resolve, Place::new(target, None), found).await?;
        self.dialer.observe(&DialEvent::Resolved { host, addresses: &addresses, took: begun.elapsed() });
        Ok(addresses)
    }

    async fn connect_tcp(
        &self,
        addresses: &[SocketAddr],
        from: Option<IpAddr>,
        target: &str,
    ) -> Result<Wire, DialError> {
        let begun = Instant::now();
        let usable = addresses.iter().copied().filter(|to| from.is_none_or(|from| from.is_ipv4() == to.is_ipv4()));
        let usable: Vec<SocketAddr> = usable.collect();
        let connect = |address| {
            self.dialer.observe(&DialEvent::Connecting { address });
            connect_from(from, address)
        };
        let on_failure = |address, error: &io::Error| {
            self.dialer.observe(&DialEvent::ConnectFailed { address, error });
        };
        let racing = race(&usable, connect, on_failure);
        let (stream, address) = self.time.within(DialStep::Connect, Place::new(target, None), racing).await?;
        self.dialer.observe(&DialEvent::Connected { target, address: Some(address), took: begun.elapsed() });
        Ok(Wire::Tcp(stream))
    }

    async fn connect_custom(
        &self,
        connector: &Connect,
        host: &str,
        port: u16,
        target: &str,
    ) -> Result<Wire, DialError> {
        let begun = Instant::now();
        let connecting = connector(ConnectTo { host: host.to_owned(), port });
        let stream = self.time.within(DialStep::Connect, Place::new(target, None), connecting).await?;
        self.dialer.observe(&DialEvent::Connected { target, address: None, took: begun.elapsed() });
        Ok(Wire::new(stream))
    }

    #[cfg(unix)]
    async fn connect_unix(&self, path: &std::path::Path) -> Result<Wire, DialError> {
        let begun = Instant::now();
        let target = path.display().to_string();
        let connecting = tokio::net::UnixStream::connect(path);
        let stream = self.time.within(DialStep::Connect, Place::new(&target, None), connecting).await?;
        self.dialer.observe(&DialEvent::Connected { target: &target, address: None, took: begun.elapsed() });
        Ok(Wire::Unix(stream))
    }

    /// Returns the stream to the server, and bytes of the server that came together with the answer of the proxy.
    async fn through_proxy(
        &self,
        proxy: &Proxy,
        request: &ClientRequest,
        alpn: Alpn,
    ) -> Result<(Wire, Vec<u8>), DialError> {
        match proxy.kind {
            ProxyKind::Http | ProxyKind::Https => self.through_http(proxy, request, alpn).await,
            #[cfg(feature = "socks")]
            ProxyKind::Socks5 | ProxyKind::Socks5h => Ok((self.through_socks(proxy, request).await?, Vec::new())),
            #[cfg(not(feature = "socks"))]
            ProxyKind::Socks5 | ProxyKind::Socks5h => Err(DialError::SocksUnsupported),
        }
    }

    async fn through_http(
        &self,
        proxy: &Proxy,
        request: &ClientRequest,
        alpn: Alpn,
    ) -> Result<(Wire, Vec<u8>), DialError> {
        let mut wire = self.connect_to_proxy(proxy).await?;
        let server = target(request);
        let head_limit = self.dialer.settings.max_head_size;
        let begun = Instant::now();
        let (deadline, _) = self.time.deadline(DialStep::Proxy);
        let place = Place::new(&server, peer_of(&wire));
        let may_begin = !request.is_secure() && alpn.server_may_begin();
        let opening = tunnel(&mut wire, proxy, place, self.dialer.user_agent(), head_limit, deadline, may_begin);
        let early = self.time.bounded(DialStep::Proxy, place, opening).await?;
        self.dialer.observe(&DialEvent::ProxyConnected { proxy: &proxy.target(), took: begun.elapsed() });
        Ok((wire, early))
    }

    #[cfg(feature = "socks")]
    async fn through_socks(&self, proxy: &Proxy, request: &ClientRequest) -> Result<Wire, DialError> {
        let server = target(request);
        let host = request.host().trim_matches(['[', ']']);
        // An address needs no lookup, neither here nor by the proxy.
        let target = match (proxy.kind, host.parse::<IpAddr>()) {
            (_, Ok(address)) => SocksTarget::Address(SocketAddr::new(address, request.port())),
            (ProxyKind::Socks5h, Err(_)) => SocksTarget::Name(host, request.port()),
            // The system prefers the first address. The proxy would not try a second one.
            (_, Err(_)) => match self.resolve(host, request.port(), &server).await?.first() {
                Some(address) => SocksTarget::Address(*address),
                None => SocksTarget::Name(host, request.port()),
            },
        };
        let wire = self.connect_to_proxy(proxy).await?;
        let begun = Instant::now();
        let place = Place::new(&server, peer_of(&wire));
        let wire = self.time.within(DialStep::Proxy, place, through_socks(wire, proxy, target)).await?;
        self.dialer.observe(&DialEvent::ProxyConnected { proxy: &proxy.target(), took: begun.elapsed() });
        Ok(wire)
    }

    async fn connect_to_proxy(&self, proxy: &Proxy) -> Result<Wire, DialError> {
        let target = proxy.target();
        if proxy.kind != ProxyKind::Https {
            return self.connect(&proxy.host, proxy.port, &target).await;
        }
        let tls = Connector::of(self.dialer.proxy_tls.as_ref(), Alpn::Http1).await?;
        let wire = self.connect(&proxy.host, proxy.port, &target).await?;
        Ok(self.secure(tls, wire, &proxy.host, &target).await?.0)
    }

    async fn secure(
        &self,
        tls: Connector,
        wire: Wire,
        host: &str,
        target: &str,
    ) -> Result<(Wire, TlsSession), DialError> {
        let begun = Instant::now();
        let place = Place::new(target, peer_of(&wire));
        let (wire, session) = self.time.within(DialStep::Tls, place, tls.establish(wire, host)).await?;
        self.dialer.observe(&DialEvent::TlsEstablished { target, session: &session, took: begun.elapsed() });
        Ok((wire, session))
    }
}

async fn connect_from(from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let stream = socket.connect(to).await?;
    // The messages of TLS and of proxies are small and must not wait for each other.
    stream.set_nodelay(true)?;
    Ok(stream)
}
