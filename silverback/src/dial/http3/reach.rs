//! Opens a connection of QUIC to the server: resolve the host, race its addresses, do the handshake.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use quinn::ConnectionError;
use rustls::AlertDescription;
use silverback_proto::handshake::ClientRequest;
use tokio::time::Instant;

use super::{client::Client, connection::Quic, fault::unsupported, misuse::QuicMisuse, tls_fault};
use crate::{
    dial::{
        DialError, DialEvent, DialStep, Dialer, VersionFault, connector::Route, error::Place, race::race,
        resolve::resolve, target, time_limit::TimeLimit, tls::Connector, version::Alpn,
    },
    io::transport::http3::link::to_io,
};

/// Returns a connection whose handshake is done.
pub(super) async fn reach(dialer: &Dialer, request: &ClientRequest, time: &TimeLimit) -> Result<Quic, DialError> {
    // Wrong settings fail before anything is sent.
    let from = local_address(dialer, request)?;
    let tls = Connector::of(dialer.tls.as_ref(), Alpn::Http3).await?;
    let host = request.host().trim_matches(['[', ']']);
    let client = Client::new(&tls, host)?;
    let target = target(request);

    let begun = Instant::now();
    let lookup = request.socket_host();
    let found = resolve(&lookup, request.port(), &dialer.overrides);
    let addresses = time.within(DialStep::Resolve, Place::new(&target, None), found).await?;
    dialer.observe(&DialEvent::Resolved { host: &lookup, addresses: &addresses, took: begun.elapsed() });

    let begun = Instant::now();
    let usable = addresses.into_iter().filter(|to| from.is_none_or(|from| from.is_ipv4() == to.is_ipv4()));
    let usable: Vec<SocketAddr> = usable.collect();
    let connect = |address: SocketAddr| {
        dialer.observe(&DialEvent::Connecting { address });
        let connecting = client.connect(from.unwrap_or(any_address(address)), address);
        async { connecting.await?.map_or_else(|error| Refused::of(error).map(Err), |quic| Ok(Ok(quic))) }
    };
    let on_failure = |address, error: &io::Error| dialer.observe(&DialEvent::ConnectFailed { address, error });
    let racing = race(&usable, connect, on_failure);
    let (outcome, address) = time.within(DialStep::Connect, Place::new(&target, None), racing).await?;
    let place = Place::new(&target, Some(address));
    let quic = outcome.map_err(|refused| match refused {
        Refused::Alpn => unsupported(place, DialStep::Tls, VersionFault::Alpn { selected: None }),
        Refused::Tls(error) => place.failed(DialStep::Tls, error),
    })?;
    let took = begun.elapsed();
    dialer.observe(&DialEvent::Connected { target: &target, address: Some(address), took });
    let session = client.session(&quic.connection);
    dialer.observe(&DialEvent::TlsEstablished { target: &target, session: &session, took });
    Ok(quic)
}

/// Returns the local address to connect from, or `None` for any.
fn local_address(dialer: &Dialer, request: &ClientRequest) -> Result<Option<IpAddr>, DialError> {
    if !request.is_secure() {
        return Err(DialError::Quic(QuicMisuse::Scheme));
    }
    let Route::Tcp { from } = &dialer.route else { return Err(DialError::Quic(QuicMisuse::Route)) };
    let proxy = dialer.proxies.proxy_for(true, request.host(), request.port()).map_err(DialError::ProxyVariable)?;
    if proxy.is_some() {
        return Err(DialError::Quic(QuicMisuse::Proxy));
    }
    Ok(*from)
}

fn any_address(to: SocketAddr) -> IpAddr {
    if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

/// The server was reached, but TLS has failed. As over TCP, no other address is tried then.
enum Refused {
    /// The server has no protocol in common with us (RFC 7301, 3.2).
    Alpn,
    Tls(io::Error),
}

impl Refused {
    /// Tells an error of TLS from one of the network.
    fn of(error: ConnectionError) -> Result<Self, io::Error> {
        // RFC 9001, 4.8: the low byte is the alert of TLS.
        let alert = |code: u64| u8::try_from(code.wrapping_sub(0x100)).ok();
        let fault = match &error {
            ConnectionError::TransportError(error) => {
                alert(error.code.into()).map(|_| tls_fault::of_ours(&error.reason))
            }
            ConnectionError::ConnectionClosed(close) => alert(close.error_code.into()).map(tls_fault::from_server),
            _ => None,
        };
        match fault {
            None => Err(to_io(error)),
            Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => Ok(Self::Alpn),
            Some(fault) => Ok(Self::Tls(io::Error::new(io::ErrorKind::InvalidData, fault))),
        }
    }
}
