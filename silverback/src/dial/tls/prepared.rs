//! Turns the TLS settings into a connector, with rustls or the system's library.

use std::io;

#[cfg(feature = "native-tls")]
use super::native;
#[cfg(feature = "rustls-tls")]
use super::rustls_backend;
use super::{
    Tls,
    error::TlsError,
    options::{Backend, Connector, Options},
};
use crate::{dial::TlsSession, io::transport::ByteStream};

/// Everything that one handshake needs besides the stream.
pub(crate) struct PreparedTls {
    connector: Connector,
    server_name: Option<String>,
}

impl Tls {
    /// Returns whether this build has a library for TLS.
    pub(crate) fn is_possible(&self) -> bool {
        let is_given = matches!(self.options.backend, Backend::Given(_));
        is_given || HAS_RUSTLS_PROVIDER || cfg!(feature = "native-tls")
    }

    /// Returns the connector. The first call builds it.
    pub(crate) async fn prepare(&self) -> Result<PreparedTls, TlsError> {
        let connector = match (&self.options.backend, self.connector.get()) {
            (Backend::Given(connector), _) | (_, Some(connector)) => connector.clone(),
            _ => self.build().await?,
        };
        Ok(PreparedTls { connector, server_name: self.options.server_name.clone() })
    }

    /// Builds the connector on a thread for blocking work, because this may read files.
    async fn build(&self) -> Result<Connector, TlsError> {
        let options = self.options.clone();
        let building = tokio::task::spawn_blocking(move || options.build());
        let built = building.await.map_err(|error| TlsError::Configuration(error.to_string()))??;
        // If two dials build it at once, both use the first one, so that they share sessions.
        Ok(self.connector.get_or_init(|| built).clone())
    }
}

impl Options {
    fn build(&self) -> Result<Connector, TlsError> {
        // RFC 7301, 3.1: one byte holds each length, and the length is not zero.
        if self.alpn.iter().any(|name| !(1..=255).contains(&name.len())) {
            return Err(TlsError::Alpn);
        }
        match &self.backend {
            Backend::Given(connector) => Ok(connector.clone()),
            #[cfg(feature = "native-tls")]
            Backend::Native => native::build(self),
            #[cfg(feature = "rustls-tls")]
            Backend::Any if HAS_RUSTLS_PROVIDER => rustls_backend::build(self),
            #[cfg(feature = "native-tls")]
            Backend::Any => native::build(self),
            #[cfg(not(feature = "native-tls"))]
            Backend::Any => Err(TlsError::Unsupported("provider: turn on silverback's feature ring or aws-lc-rs")),
        }
    }
}

impl PreparedTls {
    /// Does the TLS handshake. `host` has no brackets.
    pub(crate) async fn establish(
        self,
        stream: impl ByteStream,
        host: &str,
    ) -> io::Result<(Box<dyn ByteStream>, TlsSession)> {
        let name = self.server_name.as_deref().unwrap_or(host);
        match self.connector {
            #[cfg(feature = "rustls-tls")]
            Connector::Rustls { config, unchecked } => rustls_backend::establish(config, unchecked, stream, name).await,
            #[cfg(feature = "native-tls")]
            Connector::Native { connector, unchecked } => native::establish(connector, unchecked, stream, name).await,
        }
    }
}

impl std::fmt::Debug for PreparedTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PreparedTls")
    }
}

const HAS_RUSTLS_PROVIDER: bool = cfg!(all(feature = "rustls-tls", any(feature = "ring", feature = "aws-lc-rs")));
