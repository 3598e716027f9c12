//! Opening connections: each from its source address, to the addresses that were found once.

use std::{
    collections::HashMap,
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use silverback::{Conn, DialError, Dialer, dial::Session};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::OnceCell,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{abrupt::Abrupt, fault::Cause, load::Load, raw};

/// Why a connection could not be opened.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) cause: Cause,
    words: String,
}

/// Dials for one worker.
#[derive(Debug)]
pub(super) struct LoadDialer {
    load: Load,
    addresses: Vec<SocketAddr>,
    /// The address that the first connection was opened to.
    reached: OnceLock<SocketAddr>,
    /// One for each source address, or a single one. Used for connections over TLS, proxies and redirects, which need
    /// more than TCP.
    dialers: Vec<Dialer>,
    /// Connections over HTTP/2 or HTTP/3 that are shared, by worker and number.
    sessions: Mutex<HashMap<(usize, usize), SharedSession>>,
}

/// A connection that its first stream opens.
type SharedSession = Arc<OnceCell<Session>>;

impl LoadDialer {
    pub(super) fn new(load: &Load, addresses: Vec<SocketAddr>) -> Self {
        let target = &load.target;
        let brackets = if target.host.contains(':') { ["[", "]"] } else { ["", ""] };
        let place = format!("{}{}{}:{}", brackets[0], target.host, brackets[1], target.port);
        // The dialer has those that the options give already.
        let more = if target.given.is_empty() { &addresses[..] } else { &[] };
        let found = more.iter().fold(target.dialer.clone(), |dialer, address| dialer.resolve(&place, *address));
        let dialers = match load.sources.is_empty() {
            true => vec![found],
            false => load.sources.iter().map(|source| found.clone().local_address(*source)).collect(),
        };
        Self { load: load.clone(), addresses, reached: OnceLock::new(), dialers, sessions: Mutex::default() }
    }

    /// Opens connection `number` and resets it, which leaves nothing behind that would use up ports.
    pub(super) async fn open_and_reset(&self, number: usize) -> Result<(), Failed> {
        let target = &self.load.target;
        if !target.is_plain {
            return self.open(number).await.map(drop);
        }
        let mut stream = Abrupt::new(self.open_raw(number).await?);
        if self.load.raw.is_none() {
            return target.dialer.dial_on(stream, &target.url).await.map(drop).map_err(Failed::from);
        }
        match timeout(target.opening, raw::exchange(&mut stream)).await {
            Ok(exchanged) => exchanged.map_err(|error| Failed::new(Cause::of_io(&error), error)),
            Err(_) => Err(Failed::new(Cause::Timeout, too_long(target.opening))),
        }
    }

    /// Opens connection `number`, without a handshake.
    pub(super) async fn open_raw(&self, number: usize) -> Result<TcpStream, Failed> {
        let opening = self.load.target.opening;
        let stream = match timeout(opening, self.connect(number)).await {
            Ok(connected) => connected.map_err(|error| Failed::new(Cause::of_connect(&error), error))?,
            Err(_) => return Err(Failed::new(Cause::ConnectTimeout, too_long(opening))),
        };
        // As the library does.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// Opens connection `number`.
    pub(super) async fn open(&self, number: usize) -> Result<Conn, Failed> {
        let target = &self.load.target;
        if target.streams > 1 {
            return self.open_stream(number).await.map_err(Failed::from);
        }
        if !target.is_plain {
            return self.dialers[number % self.dialers.len()].dial(&target.url).await.map_err(Failed::from);
        }
        let stream = self.open_raw(number).await?;
        target.dialer.dial_on(stream, &target.url).await.map_err(Failed::from)
    }

    /// Opens a stream on a connection that is shared with others. The first one opens the connection. Workers share none,
    /// because a connection stays on its thread.
    async fn open_stream(&self, number: usize) -> Result<Conn, DialError> {
        let Load { target, threads, .. } = &self.load;
        let shared = (number % threads, number / threads / target.streams);
        let session = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).entry(shared).or_default().clone();
        let dialer = &self.dialers[shared.1 % self.dialers.len()];
        session.get_or_try_init(|| dialer.connect(&target.url)).await?.dial(&target.path).await
    }

    async fn connect(&self, number: usize) -> io::Result<TcpStream> {
        let source = match self.load.sources.len() {
            0 => None,
            count => Some(self.load.sources[number % count]),
        };
        // Only the first connections race. The load measures a slow server, and the attempts of a race would add load.
        let reached = self.reached.get().filter(|address| fits(source, **address)).copied();
        if let Some(address) = reached
            && let Ok(stream) = connect(source, address).await
        {
            return Ok(stream);
        }
        let fitting = self.addresses.iter().copied().filter(|address| fits(source, *address));
        let (address, stream) = race(source, fitting.collect()).await?;
        let _ = self.reached.set(address);
        Ok(stream)
    }
}

/// Finds the addresses of the server, once for all connections; none where a proxy or a Unix socket leads to it.
pub(super) async fn resolve(load: &Load) -> Result<Vec<SocketAddr>, Failed> {
    let target = &load.target;
    if !target.is_direct {
        return Ok(Vec::new());
    }
    let host = &target.host;
    match timeout(target.opening, target.dialer.lookup(host, target.port)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(Failed::new(Cause::Resolve, format!("{host}: {error}"))),
        Err(_) => Err(Failed::new(Cause::ResolveTimeout, format!("{host}: {}", too_long(target.opening)))),
    }
}

/// Tries the addresses side by side, each a little after the one before (RFC 8305, 5), as the library does. If all fail,
/// the error is that of the first one, which the system thinks is the best.
async fn race(source: Option<IpAddr>, addresses: Vec<SocketAddr>) -> io::Result<(SocketAddr, TcpStream)> {
    let mut waiting = addresses.into_iter();
    let Some(first) = waiting.next() else {
        return Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "no address of the server has the IP version of --source",
        ));
    };
    // Usually it answers at once, and then nothing else is begun.
    let mut first_attempt = pin!(connect(source, first));
    let mut first_error = None;
    let mut others = JoinSet::new();
    loop {
        tokio::select! {
            connected = &mut first_attempt, if first_error.is_none() => match connected {
                Ok(stream) => return Ok((first, stream)),
                Err(error) => first_error = Some(error),
            },
            Some(done) = others.join_next(), if !others.is_empty() => {
                if let Ok((address, Ok(stream))) = done {
                    return Ok((address, stream));
                }
            }
            () = sleep(STAGGER), if waiting.len() > 0 => {}
        }
        // An attempt has failed, or has had its time alone.
        match waiting.next() {
            Some(address) => _ = others.spawn(async move { (address, connect(source, address).await) }),
            None if others.is_empty() => {
                if let Some(error) = first_error {
                    return Err(error);
                }
            }
            None => {}
        }
    }
}

async fn connect(source: Option<IpAddr>, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(address).await
}

fn fits(source: Option<IpAddr>, address: SocketAddr) -> bool {
    source.is_none_or(|source| source.is_ipv4() == address.is_ipv4())
}

fn too_long(after: Duration) -> String {
    format!("took longer than {after:?}")
}

/// The delay between two attempts that RFC 8305, 5, recommends.
const STAGGER: Duration = Duration::from_millis(250);

impl Failed {
    pub(super) fn new(cause: Cause, words: impl fmt::Display) -> Self {
        Self { cause, words: words.to_string() }
    }
}

impl From<DialError> for Failed {
    fn from(error: DialError) -> Self {
        Self::new(Cause::of_dial(&error), error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}
