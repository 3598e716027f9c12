//! From the addresses of `--listen` to bound sockets. Unix sockets are in `unix_socket`.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs},
    path::{Path, PathBuf},
    str::FromStr,
};

use socket2::{Domain, Protocol, Socket, Type};

use super::sockets::BACKLOG;
use super::sockets::Listener;
#[cfg(unix)]
use super::unix_socket::{self, SocketFile};
use crate::{
    addresses::canonical,
    error::{self, Error},
};

/// A host and a port, as in `localhost:8000`, `0.0.0.0:80` or `[::1]:9000`, or the path of a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp { host: Host, port: u16 },
    Unix(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// Both loopback families.
    Localhost,
    Ip(IpAddr),
    /// A host name.
    Name(String),
}

/// Listening sockets, and the address to announce.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) place: Place,
    /// Another program has bound them, and keeps them open when this one ends.
    pub(crate) is_given: bool,
}

/// The way in which clients reach sockets.
#[derive(Debug)]
pub(crate) enum Place {
    /// The `host:port` to use in a URL.
    Authority(String),
    /// The socket file, which is removed when this is dropped.
    #[cfg(unix)]
    File(SocketFile),
}

impl Bound {
    /// Whether other machines can connect.
    pub(crate) fn is_public(&self) -> bool {
        self.listeners.iter().any(|listener| match listener {
            Listener::Tcp(listener) => {
                listener.local_addr().map_or(true, |address| !canonical(address).ip().is_loopback())
            }
            #[cfg(unix)]
            Listener::Unix(_) => false,
        })
    }

    pub(crate) fn has_tcp(&self) -> bool {
        self.listeners.iter().any(|listener| matches!(listener, Listener::Tcp(_)))
    }

    fn tcp(listeners: Vec<TcpListener>, authority: String) -> Self {
        Self {
            listeners: listeners.into_iter().map(Listener::Tcp).collect(),
            place: Place::Authority(authority),
            is_given: false,
        }
    }

    /// A TCP socket that another program has bound.
    #[cfg(unix)]
    pub(crate) fn given_tcp(listener: TcpListener) -> io::Result<Self> {
        let local = listener.local_addr()?;
        Ok(Self { is_given: true, ..Self::tcp(vec![listener], authority(local)) })
    }

    /// A Unix socket that another program has bound.
    #[cfg(unix)]
    pub(crate) fn given_unix(listener: Listener, path: PathBuf) -> Self {
        Self { listeners: vec![listener], place: Place::File(SocketFile::of_another(path)), is_given: true }
    }
}

impl Address {
    /// Whether other machines may be able to connect. A name may stand for any address.
    pub(crate) fn is_public(&self) -> bool {
        match self {
            Self::Tcp { host: Host::Ip(ip), .. } => !ip.is_loopback(),
            Self::Tcp { host: Host::Name(_), .. } => true,
            Self::Tcp { host: Host::Localhost, .. } | Self::Unix(_) => false,
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = unix_path(text) {
            return match path.is_empty() {
                true => Err("the path of the Unix socket is missing".to_owned()),
                false if cfg!(unix) => Ok(Self::Unix(path.into())),
                false => Err("this system has no Unix sockets".to_owned()),
            };
        }
        parse_tcp(text).ok_or_else(|| explain(text))
    }
}

fn parse_tcp(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(inner) => Host::Ip(inner?.parse::<Ipv6Addr>().ok()?.to_canonical()),
        None if host.eq_ignore_ascii_case("localhost") => Host::Localhost,
        None => match host.parse() {
            Ok(ip) => Host::Ip(IpAddr::V4(ip)),
            Err(_) if is_name(host) => Host::Name(host.to_owned()),
            Err(_) => return None,
        },
    };
    Some(Address::Tcp { host, port })
}

/// Explains why an address cannot be read.
fn explain(text: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_ipv6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    let fault = match text.rsplit_once(':') {
        _ if text.contains("://") => "it is a URL, not an address",
        Some((host, _)) if is_ipv6(text) || is_ipv6(host) => "an IPv6 address needs brackets",
        Some((_, port)) if is_number(port) && port.parse::<u16>().is_err() => {
            return format!("the port {port} is not from 0 to 65535");
        }
        Some(("", port)) if is_number(port) => "the host is missing",
        None if is_number(text) => "the host is missing",
        None if !text.is_empty() => "the port is missing",
        Some(_) if text.starts_with('[') && text.ends_with(']') => "the port is missing",
        Some((_, "")) => "the port is missing",
        _ => return FORM.to_owned(),
    };
    format!("{fault}: {FORM}")
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host: Host::Localhost, port } => write!(f, "localhost:{port}"),
            Self::Tcp { host: Host::Ip(ip), port } => SocketAddr::new(*ip, *port).fmt(f),
            Self::Tcp { host: Host::Name(name), port } => write!(f, "{name}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Binds the sockets of all addresses. The files of Unix sockets get this mode, if there is one. Calls
/// `before_listening` after all name lookups and before the first client can connect.
pub(crate) fn bind_all(
    addresses: &[Address],
    mode: Option<u32>,
    before_listening: impl FnOnce(),
) -> Result<Vec<Bound>, Error> {
    let found = addresses.iter().map(look_up).collect::<Result<Vec<_>, _>>()?;
    before_listening();
    // A socket on `[::]` accepts IPv4 connections too, unless an IPv4 address with the same port is given.
    let is_ipv4 = |host: &Host| matches!(host, Host::Localhost | Host::Ip(IpAddr::V4(_)));
    let has_ipv4 = |at: u16| {
        let mut all = addresses.iter();
        at != 0 && all.any(|address| matches!(address, Address::Tcp { host, port } if *port == at && is_ipv4(host)))
    };
    let bind = |(address, found): (&Address, Vec<SocketAddr>)| match address {
        Address::Tcp { host: Host::Localhost, port } => bind_localhost(*port),
        Address::Tcp { host: Host::Ip(ip), port } => {
            bind_ip(SocketAddr::new(*ip, *port), if has_ipv4(*port) { Families::Own } else { Families::Both })
        }
        Address::Tcp { host: Host::Name(name), port } => bind_name(name, *port, found),
        Address::Unix(path) => bind_unix(path, mode),
    };
    addresses.iter().zip(found).map(bind).collect()
}

#[cfg(unix)]
fn bind_unix(path: &Path, mode: Option<u32>) -> Result<Bound, Error> {
    let bound = unix_socket::bind(path, mode);
    let (listener, file) =
        bound.map_err(|reason| Error::Network(format!("cannot listen on unix:{}: {reason}", path.display())))?;
    Ok(Bound { listeners: vec![Listener::Unix(listener)], place: Place::File(file), is_given: false })
}

#[cfg(not(unix))]
fn bind_unix(_: &Path, _: Option<u32>) -> Result<Bound, Error> {
    Err(Error::System("this system has no Unix sockets".to_owned()))
}

/// Binds both families on one port. The machine may lack one of them.
fn bind_localhost(port: u16) -> Result<Bound, Error> {
    for _ in 1..PORT_ATTEMPTS {
        match bind_loopbacks(port) {
            // A port that is free for the first family may be taken for the second. Then try another one.
            Err((_, error)) if port == 0 && error.kind() == ErrorKind::AddrInUse => {}
            bound => return bound.map_err(|(address, error)| cannot_listen(address, &error)),
        }
    }
    bind_loopbacks(port).map_err(|(address, error)| cannot_listen(address, &error))
}

fn bind_loopbacks(port: u16) -> Result<Bound, (SocketAddr, io::Error)> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut missing = None;
    let mut port = port;
    for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let address = SocketAddr::new(ip, port);
        match bind(address, Families::Own) {
            Ok((listener, local)) => {
                port = local.port();
                listeners.push(listener);
            }
            Err(error) if is_missing(&error) => missing = Some((address, error)),
            Err(error) => return Err((address, error)),
        }
    }
    match missing {
        Some(missing) if listeners.is_empty() => return Err(missing),
        Some((address, _)) => error::report(&format_args!("this machine has no {}, serving without it", address.ip())),
        None => {}
    }
    Ok(Bound::tcp(listeners, format!("localhost:{port}")))
}

fn bind_ip(address: SocketAddr, of_any_ipv6: Families) -> Result<Bound, Error> {
    let (listener, local) = bind(address, of_any_ipv6).map_err(|error| cannot_listen(address, &error))?;
    Ok(Bound::tcp(vec![listener], authority(local)))
}

/// A browser cannot open the wildcard address.
fn authority(local: SocketAddr) -> String {
    match canonical(local) {
        local if local.ip().is_unspecified() => format!("localhost:{}", local.port()),
        local => local.to_string(),
    }
}

/// Returns the addresses of a name, or none if the address needs no lookup.
fn look_up(address: &Address) -> Result<Vec<SocketAddr>, Error> {
    let Address::Tcp { host: Host::Name(name), port } = address else { return Ok(Vec::new()) };
    let unknown = |error: io::Error| Error::Network(format!("cannot find the address of {name}: {error}"));
    Ok((name.as_str(), *port).to_socket_addrs().map_err(unknown)?.collect())
}

fn bind_name(name: &str, port: u16, addresses: Vec<SocketAddr>) -> Result<Bound, Error> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut port = port;
    for mut address in addresses {
        address.set_port(port);
        let (listener, local) = bind(address, Families::Both).map_err(|error| cannot_listen(address, &error))?;
        port = local.port();
        listeners.push(listener);
    }
    Ok(Bound::tcp(listeners, format!("{name}:{port}")))
}

fn bind(address: SocketAddr, of_any_ipv6: Families) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = bind_socket(new_socket(address, of_any_ipv6)?, address)?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// The IP versions that a socket on `[::]` accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Families {
    /// IPv6 and IPv4.
    Both,
    Own,
}

/// Makes a socket for this address.
pub(crate) fn new_socket(address: SocketAddr, of_any_ipv6: Families) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the last run. On Windows the option has another meaning.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        // RFC 3493, 5.3. Defaults differ between systems and their settings, and some systems have only one mode.
        let set = socket.set_only_v6(of_any_ipv6 == Families::Own);
        set.or_else(|error| if of_any_ipv6 == Families::Both { Ok(()) } else { Err(error) })?;
    }
    socket.set_nonblocking(true)?;
    // Without it the kernel may delay small packets. Accepted sockets inherit the option.
    socket.set_tcp_nodelay(true)?;
    Ok(socket)
}

/// Binds it and listens.
pub(crate) fn bind_socket(socket: Socket, address: SocketAddr) -> io::Result<TcpListener> {
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Adds the option that chooses the address.
pub(crate) fn naming(option: &str) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Network(text) => Error::Network(format!("{text} (choose another address with {option})")),
        other => other,
    }
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Error {
    let reason = match error.kind() {
        ErrorKind::AddrInUse => "the port is in use already".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        ErrorKind::PermissionDenied => "not permitted (ports below 1024 may need more rights)".to_owned(),
        _ => error.to_string(),
    };
    Error::Network(format!("cannot listen on {}: {reason}", canonical(address)))
}

/// Whether the machine lacks the address, or its whole family.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(FAMILY_NOT_SUPPORTED)
}

/// The path in `unix:PATH`, `unix://PATH` or `/PATH`.
fn unix_path(text: &str) -> Option<&str> {
    if text.starts_with('/') {
        return Some(text);
    }
    let rest = text.strip_prefix("unix:")?;
    Some(rest.strip_prefix("//").unwrap_or(rest))
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    // Text of digits and dots alone is a malformed address, not a name.
    host.split('.').all(is_label) && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

const FORM: &str = "must be HOST:PORT, like localhost:8000, 0.0.0.0:80 or [::1]:9000, or unix:PATH";

const PORT_ATTEMPTS: u32 = 16;

#[cfg(target_os = "linux")]
const FAMILY_NOT_SUPPORTED: i32 = 97;
#[cfg(all(unix, not(target_os = "linux")))]
const FAMILY_NOT_SUPPORTED: i32 = 47;
#[cfg(not(unix))]
const FAMILY_NOT_SUPPORTED: i32 = 10047;

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
