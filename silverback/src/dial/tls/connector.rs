//! Turns the TLS settings into a connector of rustls or the system's library, and does the handshake with it.

use std::io;
#[cfg(any(feature = "with-rustls-0_23", all(feature = "http3", any(feature = "ring", feature = "aws-lc-rs"))))]
use std::sync::Arc;

#[cfg(feature = "native-tls")]
use super::native;
#[cfg(feature = "rustls-tls")]
use super::rustls_backend;
use super::{
    Tls,
    error::TlsError,
    options::{Backend, Connector, Library, Options},
};
use crate::{
    dial::{DialError, TlsSession, version::Alpn},
    io::transport::wire::Wire,
};

impl Connector {
    /// Returns the connector of these settings, or of the default ones. The first call builds it, on a thread for
    /// blocking work, because this may read files. Fails if the settings cannot be used.
    pub(in crate::dial) async fn of(tls: Option<&Tls>, alpn: Alpn) -> Result<Self, DialError> {
        let tls = tls.cloned().unwrap_or_else(Tls::shared_default);
        let connector = &tls.connectors[alpn as usize];
        if let Some(built) = connector.get() {
            return Ok(built.clone());
        }
        let options = tls.options.clone();
        let building = tokio::task::spawn_blocking(move || options.for_alpn(alpn).build());
        let built = building.await.map_err(|error| DialError::Tls(TlsError::Configuration(error.to_string())))??;
        // If two dials build it at once, both use the first one, so that they share sessions.
        Ok(connector.get_or_init(|| built).clone())
    }

    /// Does the TLS handshake. `host` has no brackets.
    pub(in crate::dial) async fn establish(&self, stream: Wire, host: &str) -> io::Result<(Wire, TlsSession)> {
        let name = self.server_name.as_deref().unwrap_or(host);
        let (stream, session) = match &self.library {
            #[cfg(feature = "rustls-tls")]
            Library::Rustls(config) => rustls_backend::establish(config.clone(), stream, name).await?,
            #[cfg(feature = "native-tls")]
            Library::Native(connector) => native::establish(connector, stream, name).await?,
        };
        Ok((Wire::Other(stream), TlsSession { certificate_unchecked: self.unchecked, ..session }))
    }
}

#[cfg(all(feature = "http3", any(feature = "ring", feature = "aws-lc-rs")))]
impl Connector {
    /// Returns the configuration for QUIC and the name for SNI, or `None` if these settings are for the system's library.
    /// `host` has no brackets.
    pub(in crate::dial) fn for_quic<'a>(&'a self, host: &'a str) -> Option<(Arc<rustls::ClientConfig>, &'a str)> {
        let name = self.server_name.as_deref().unwrap_or(host);
        match &self.library {
            Library::Rustls(config) => Some((config.clone(), name)),
            #[cfg(feature = "native-tls")]
            Library::Native(_) => None,
        }
    }

    /// Whether any certificate is accepted.
    pub(in crate::dial) fn is_unchecked(&self) -> bool {
        self.unchecked
    }
}

impl Options {
    /// Returns the settings with the protocols of this offer.
    fn for_alpn(&self, alpn: Alpn) -> Self {
        let mut options = self.clone();
        if let Some(names) = alpn.names() {
            options.alpn = names.iter().map(|&name| name.to_owned()).collect();
            #[cfg(feature = "with-rustls-0_23")]
            if let Backend::Given(Library::Rustls(config)) = &mut options.backend {
                let config = Arc::make_mut(config);
                config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
                // A request in 0-RTT could be sent again by an attacker.
                config.enable_early_data = false;
            }
        }
        options
    }

    fn build(&self) -> Result<Connector, DialError> {
        // RFC 7301, 3.1: one byte holds each length, and the length is not zero.
        if self.alpn.iter().any(|name| !(1..=255).contains(&name.len())) {
            return Err(DialError::Tls(TlsError::Alpn));
        }
        let unchecked = match self.backend {
            #[cfg(any(feature = "with-rustls-0_23", feature = "with-native-tls-0_2"))]
            Backend::Given(_) => false,
            _ => self.accept_invalid_certs,
        };
        Ok(Connector { library: self.library()?, server_name: self.server_name.clone(), unchecked })
    }

    fn library(&self) -> Result<Library, DialError> {
        match &self.backend {
            #[cfg(any(feature = "with-rustls-0_23", feature = "with-native-tls-0_2"))]
            Backend::Given(library) => return Ok(library.clone()),
            #[cfg(feature = "native-tls")]
            Backend::Native => return native::build(self).map_err(DialError::Tls),
            Backend::Any => {}
        }
        #[cfg(feature = "rustls-tls")]
        if let Some(provider) = rustls_backend::provider() {
            return rustls_backend::build(self, provider).map_err(DialError::Tls);
        }
        #[cfg(feature = "native-tls")]
        return native::build(self).map_err(DialError::Tls);
        #[cfg(not(feature = "native-tls"))]
        Err(DialError::TlsUnsupported)
    }
}
