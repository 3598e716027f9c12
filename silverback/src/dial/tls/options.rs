//! The TLS settings of the application.

use std::path::PathBuf;

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
    #[cfg(any(feature = "with-rustls-0_23", feature = "with-native-tls-0_2"))]
    Given(Library),
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

/// Everything that a handshake needs besides the stream.
#[derive(Clone)]
pub(in crate::dial) struct Connector {
    pub(super) library: Library,
    pub(super) server_name: Option<String>,
    /// Whether any certificate is accepted.
    pub(super) unchecked: bool,
}

/// The library's own connector.
#[derive(Clone)]
pub(super) enum Library {
    #[cfg(feature = "rustls-tls")]
    Rustls(std::sync::Arc<rustls::ClientConfig>),
    #[cfg(feature = "native-tls")]
    Native(tokio_native_tls::TlsConnector),
}
