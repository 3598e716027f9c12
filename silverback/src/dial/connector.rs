//! How the dialer opens the stream to the server or to the proxy.

use std::{fmt, future::Future, io, net::IpAddr, pin::Pin, sync::Arc};

use crate::io::transport::ByteStream;

/// Where a connector of the application should connect to: the server or the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectTo {
    /// The host's name or address. An IPv6 address has no brackets, and keeps its zone if it has one: `fe80::1%eth0`.
    pub host: String,
    /// The port.
    pub port: u16,
}

#[derive(Clone)]
pub(super) enum Route {
    Tcp {
        /// The local address to connect from.
        from: Option<IpAddr>,
    },
    #[cfg(unix)]
    Unix(Arc<std::path::Path>),
    Custom(Connect),
}

pub(super) type Connect = Arc<dyn Fn(ConnectTo) -> Connecting + Send + Sync>;

type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn ByteStream>>> + Send>>;

/// Hides the types of a connector.
pub(super) fn erase<F, Fut, S>(connect: F) -> Connect
where
    F: Fn(ConnectTo) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = io::Result<S>> + Send + 'static,
    S: ByteStream,
{
    Arc::new(move |to| {
        let connecting = connect(to);
        Box::pin(async move { Ok(Box::new(connecting.await?) as Box<dyn ByteStream>) })
    })
}

impl Default for Route {
    fn default() -> Self {
        Self::Tcp { from: None }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { from: None } => f.write_str("Tcp"),
            Self::Tcp { from: Some(address) } => write!(f, "Tcp(from {address})"),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "Unix({})", path.display()),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}
