//! TLS for clients: which servers to trust, and the client's certificate and options. rustls or the system's library
//! does the handshake itself.
//!
//! ```
//! # #[cfg(feature = "rustls-tls")]
//! # fn run(ca: &[u8], chain: &[u8], key: &[u8]) {
//! use silverback::{Dialer, tls::Tls};
//!
//! let tls = Tls::new().add_roots(ca).client_certificate(chain, key);
//! let dialer = Dialer::new().tls(tls);
//! # }
//! ```

#[cfg(feature = "rustls-tls")]
mod certificate;
mod connector;
mod error;
#[cfg(feature = "rustls-tls")]
mod key_log;
#[cfg(feature = "native-tls")]
mod native;
mod options;
mod pem;
#[cfg(feature = "rustls-tls")]
mod roots;
#[cfg(feature = "rustls-tls")]
mod rustls_backend;
#[cfg(feature = "rustls-tls")]
mod verifier;

#[cfg(feature = "rustls-tls")]
pub(crate) use verifier::why_not_trusted;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

pub use self::error::TlsError;
pub(super) use self::options::Connector;
use self::options::Options;
use super::version::Alpn;

/// Settings for TLS with a server.
///
/// By default the roots of the enabled features are trusted, every certificate is verified, `http/1.1` is offered by
/// ALPN, and no keys are logged. The dial reports invalid certificates or keys ([`TlsError`]). Clones share their
/// sessions, so a second connection to a server is faster.
#[derive(Clone, Default)]
#[must_use]
pub struct Tls {
    options: Arc<Options>,
    /// One for each offer of ALPN. Created by the first dial that needs it, because reading the system's roots takes
    /// milliseconds.
    connectors: Arc<[OnceLock<Connector>; Alpn::COUNT]>,
}

impl Tls {
    /// Creates the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also trusts these certificates: one or more in PEM.
    ///
    /// - A certificate is trusted if the server presents exactly this one. Its issuer, and whether it is an authority,
    ///   do not matter. This is meant for certificates made for development.
    /// - A certificate of an authority, a root or an intermediate, is also trusted to sign those of servers. The key of
    ///   a certificate that is not for an authority cannot sign others (RFC 5280, 4.2.1.9).
    ///
    /// In both cases the server's certificate must have the server's name, be for servers, and be valid now. If a
    /// certificate is trusted by itself and has no alternative names, the common name of its subject counts. The PEM
    /// may hold certificates that cannot be read, as long as one can.
    ///
    /// The system's library (feature `native-tls`) has other rules. For example, OpenSSL trusts a self-signed
    /// certificate, but one signed by an authority only together with that authority.
    pub fn add_roots(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with(|options| options.extra_roots.push(pem.into()))
    }

    /// Sets whether to trust the roots of the enabled features. If not, only the certificates of
    /// [`add_roots`](Self::add_roots) are trusted. Default true.
    pub fn default_roots(self, trust: bool) -> Self {
        self.with(|options| options.default_roots = trust)
    }

    /// Sends this client certificate to servers that ask for one. `chain` is the certificate and its intermediates, and
    /// `key` its private key, both in PEM. The key is PKCS #8, or with rustls also PKCS #1 or SEC 1, and is not
    /// encrypted. The server decides whether to accept the certificate, so one of X.509 version 1 or an expired one is
    /// sent too.
    pub fn client_certificate(self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.with(|options| options.client_certificate = Some((chain.into(), key.into())))
    }

    /// Uses this name for SNI and for the verification of the certificate. Default: the URL's host.
    pub fn server_name(self, name: &str) -> Self {
        self.with(|options| options.server_name = Some(name.to_owned()))
    }

    /// Offers these protocols by ALPN for HTTP/1.1, the preferred one first. An empty list turns ALPN off. Some servers
    /// need a name that is special to them. Default: `http/1.1`, because a server that prefers HTTP/2 might choose that
    /// otherwise. For the other versions of HTTP ([`HttpVersion`](crate::dial::HttpVersion)) the dialer offers their own
    /// names.
    pub fn alpn<S: AsRef<str>>(self, protocols: impl IntoIterator<Item = S>) -> Self {
        let protocols = protocols.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.with(|options| options.alpn = protocols)
    }

    /// Appends the secrets of each session to this file, in the form that Wireshark reads. Anyone who has the file can
    /// decrypt the connections. Works with rustls only.
    pub fn key_log_file(self, path: impl Into<PathBuf>) -> Self {
        self.with(|options| options.key_log = Some(path.into()))
    }

    /// Does the same with the file that the environment variable `SSLKEYLOGFILE` names. Does nothing if the variable is
    /// not set or is empty.
    pub fn key_log_from_env(self) -> Self {
        match std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty()) {
            Some(path) => self.key_log_file(path),
            None => self,
        }
    }

    /// **Dangerous:** accepts any certificate, so anyone between the client and the server can read and change
    /// everything. Use this only for tests on your own machine. [`add_roots`](Self::add_roots) is better there too.
    ///
    /// With rustls this means any certificate: X.509 version 1, wrong dates and extensions, keys that are too short or
    /// of an unknown kind. A server must still prove that it owns its certificate, if rustls can verify a signature of
    /// its key. The system's library may still refuse certificates below its security level, such as those with short
    /// keys.
    pub fn dangerous_accept_invalid_certs(self, accept: bool) -> Self {
        self.with(|options| options.accept_invalid_certs = accept)
    }

    /// Uses the system's library even if rustls is available.
    #[cfg(feature = "native-tls")]
    pub fn use_native_tls(self) -> Self {
        self.with(|options| options.backend = options::Backend::Native)
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(Arc::make_mut(&mut self.options));
        self.connectors = Arc::default();
        self
    }

    #[cfg(any(feature = "with-rustls-0_23", feature = "with-native-tls-0_2"))]
    fn given(library: options::Library) -> Self {
        Self::default().with(|options| options.backend = options::Backend::Given(library))
    }

    /// Returns the settings of all dialers without their own `Tls`, so that they share sessions and read the roots
    /// once.
    fn shared_default() -> Self {
        static SHARED: OnceLock<Tls> = OnceLock::new();
        SHARED.get_or_init(Self::default).clone()
    }
}

/// Uses this configuration unchanged for HTTP/1.1. Of the methods of [`Tls`], only [`Tls::server_name`] still has an
/// effect. The ALPN of the configuration should be empty or `http/1.1`. For the other versions of HTTP the dialer
/// replaces it in a copy.
#[cfg(feature = "with-rustls-0_23")]
impl From<Arc<rustls::ClientConfig>> for Tls {
    fn from(config: Arc<rustls::ClientConfig>) -> Self {
        Self::given(options::Library::Rustls(config))
    }
}

/// Uses this connector unchanged. Of the methods of [`Tls`], only [`Tls::server_name`] still has an effect. The ALPN of a
/// built connector cannot be changed, so for HTTP/2 it must have been built to offer `h2`.
#[cfg(feature = "with-native-tls-0_2")]
impl From<native_tls::TlsConnector> for Tls {
    fn from(connector: native_tls::TlsConnector) -> Self {
        Self::given(options::Library::Native(connector.into()))
    }
}

/// Shows no certificates and no keys.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("extra_roots", &self.options.extra_roots.len())
            .field("default_roots", &self.options.default_roots)
            .field("client_certificate", &self.options.client_certificate.is_some())
            .field("server_name", &self.options.server_name)
            .field("alpn", &self.options.alpn)
            .field("key_log", &self.options.key_log)
            .field("accept_invalid_certs", &self.options.accept_invalid_certs)
            .finish_non_exhaustive()
    }
}
