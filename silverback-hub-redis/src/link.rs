//! One connection: dialing, logging in, and what the server is.

use std::{fmt, io, pin::Pin};

use redis::{AsyncConnectionConfig, ErrorKind, PushInfo, RedisError, aio::MultiplexedConnection, cmd};
use tokio::{net::TcpStream, sync::mpsc, time::timeout};

use crate::{
    settings::Settings,
    target::{Place, Target},
    tls::{Stream, Tls},
    watched::{Heard, Watched},
};

/// A connection that has logged in.
pub(crate) struct Link {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) driver: Driver,
    /// The messages of the subscribed channels.
    pub(crate) pushes: mpsc::UnboundedReceiver<PushInfo>,
    pub(crate) heard: Heard,
}

/// Reads and writes while it is polled, until the connection ends. Dropping it closes the connection.
pub(crate) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What was learnt about the server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Differs after each start of the server.
    pub(crate) run: String,
    /// Whether the server logs its data, so that a start again loses nothing that was acknowledged.
    pub(crate) is_logged: bool,
}

/// Why a connection was not made, or has ended. No text contains a password.
#[derive(Debug)]
pub(crate) enum LinkError {
    Io(io::Error),
    /// The server has closed the connection.
    Closed,
    /// No answer in time.
    Silent,
    /// An answer that does not fit.
    Malformed,
    /// The server refuses, with this code. The rest of its text may repeat the password.
    Refused(String),
    /// The server is of no use now or at all.
    Unfit(&'static str),
}

impl Link {
    /// Connects and logs in, within the time limit.
    pub(crate) async fn dial(target: &Target, tls: &Tls, settings: &Settings) -> Result<Self, LinkError> {
        let dialing = async {
            let (stream, heard) = Watched::new(connect(target, tls).await?);
            let (sender, pushes) = mpsc::unbounded_channel();
            // A reply may come late if many are before it. What counts is whether the server is silent; see `Heard`.
            let config = AsyncConnectionConfig::new().set_response_timeout(None).set_push_sender(sender);
            let (connection, driver) = MultiplexedConnection::new_with_config(&target.login, stream, config).await?;
            let mut link = Self { connection, driver: Box::pin(driver), pushes, heard };
            link.ask::<()>(cmd("CLIENT").arg("SETNAME").arg("silverback-hub")).await?;
            Ok(link)
        };
        timeout(settings.connect_timeout, dialing).await.unwrap_or(Err(LinkError::Silent))
    }

    /// Asks what the promise about data depends on.
    pub(crate) async fn inspect(&mut self) -> Result<Server, LinkError> {
        let info: String =
            self.ask(cmd("INFO").arg("server").arg("replication").arg("persistence").arg("memory")).await?;
        let field = |name: &str| {
            let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
            info.lines().find_map(value)
        };
        let version = field("redis_version");
        let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        if major.is_none_or(|major| major < 7) {
            return Err(LinkError::Unfit("it is older than Redis 7"));
        }
        if field("redis_mode").as_deref() == Some("cluster") {
            return Err(LinkError::Unfit("it is a node of a cluster, which this engine does not know"));
        }
        if field("role").as_deref() != Some("master") {
            return Err(LinkError::Unfit("it is a replica, and takes no writes"));
        }
        if field("loading").is_some_and(|loading| loading != "0") {
            return Err(LinkError::Unfit("it is still loading its data"));
        }
        let evicts = field("maxmemory_policy").is_some_and(|policy| policy != "noeviction");
        if evicts && field("maxmemory").is_some_and(|limit| limit != "0") {
            tracing::warn!(name: "eviction_enabled", target: "silverback::hub::redis", "Redis evicts keys when its memory is full, so topics lose their history; set noeviction");
        }
        Ok(Server {
            run: field("run_id").ok_or(LinkError::Malformed)?,
            is_logged: field("aof_enabled").as_deref() == Some("1"),
        })
    }

    /// Sends a command and waits for its reply, without anything else on the way.
    async fn ask<T: redis::FromRedisValue>(&mut self, command: &redis::Cmd) -> Result<T, LinkError> {
        let reply = command.query_async(&mut self.connection);
        tokio::select! {
            reply = reply => Ok(reply?),
            () = &mut self.driver => Err(LinkError::Closed),
        }
    }
}

async fn connect(target: &Target, tls: &Tls) -> Result<Box<dyn Stream>, LinkError> {
    match &target.place {
        Place::Tcp { host, port, tls: is_tls } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(LinkError::Io)?;
            stream.set_nodelay(true).map_err(LinkError::Io)?;
            if *is_tls { tls.connect(host, stream).await.map_err(LinkError::Io) } else { Ok(Box::new(stream)) }
        }
        #[cfg(unix)]
        Place::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await.map_err(LinkError::Io)?)),
        #[cfg(not(unix))]
        Place::Unix(_) => Err(LinkError::Unfit("this system has no Unix sockets")),
    }
}

impl From<RedisError> for LinkError {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Unfit("it refuses the login"),
            ErrorKind::RESP3NotSupported => Self::Unfit("it is older than Redis 7"),
            _ if error.is_timeout() => Self::Silent,
            _ if error.is_connection_dropped() => Self::Closed,
            ErrorKind::Io => Self::Io(io::Error::other(error)),
            _ => error.code().map_or(Self::Malformed, |code| Self::Refused(code.to_owned())),
        }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Closed => f.write_str("the server has closed the connection"),
            Self::Silent => f.write_str("the server does not answer"),
            Self::Malformed => f.write_str("the server does not answer as Redis does"),
            Self::Refused(code) => write!(f, "the server refuses with {code}"),
            Self::Unfit(why) => write!(f, "the server is not usable: {why}"),
        }
    }
}
