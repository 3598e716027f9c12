//! The TLS settings of the application.

use std::path::PathBuf;
#[cfg(feature = "rustls-tls")]
use std::sync::Arc;

#[derive(Clone)]
pub(super) struct Options {
    pub(super) backend: Backend,
    /// In PEM.
    pub(super) extra_roots: Vec<Vec<u8>>,
    pub(super) default_roots: bool,
    /// The chain and its key, in PEM.
    pub(super) client_certificate: Option<(Vec<u8>, Vec<u8>)>,
    pub(super) server_name: Option<String>,
    /// The preferred one first.
    pub(super) alpn: Vec<String>,
    pub(super) key_log: Option<PathBuf>,
    pub(super) accept_invalid_certs: bool,
}

#[derive(Clone)]
pub(super) enum Backend {
    /// rustls if it is available, otherwise the system's library.
    Any,
    #[cfg(feature = "native-tls")]
    Native,
    /// A connector that the application built itself.
    Given(Connector),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            backend: Backend::Any,
            extra_roots: Vec::new(),
            default_roots: true,
            client_certificate: None,
            server_name: None,
            alpn: vec!["http/1.1".to_owned()],
            key_log: None,
            accept_invalid_certs: false,
        }
    }
}

/// The library's connector, built from the options.
#[derive(Clone)]
pub(super) enum Connector {
    #[cfg(feature = "rustls-tls")]
    Rustls { config: Arc<rustls::ClientConfig>, unchecked: bool },
    #[cfg(feature = "native-tls")]
    Native { connector: tokio_native_tls::TlsConnector, unchecked: bool },
}

impl Connector {
    #[cfg(feature = "rustls-tls")]
    pub(super) fn rustls(config: Arc<rustls::ClientConfig>) -> Self {
        Self::Rustls { config, unchecked: false }
    }

    #[cfg(feature = "native-tls")]
    pub(super) fn native(connector: native_tls::TlsConnector) -> Self {
        Self::Native { connector: connector.into(), unchecked: false }
    }
}
