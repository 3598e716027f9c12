//! TLS for clients: whom to believe, who we are, and what is done with it. The handshake itself is the business of
//! rustls or of the system's library.
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
mod error;
#[cfg(feature = "rustls-tls")]
mod key_log;
#[cfg(feature = "native-tls")]
mod native;
mod options;
mod pem;
mod prepared;
#[cfg(feature = "rustls-tls")]
mod roots;
#[cfg(feature = "rustls-tls")]
mod rustls_backend;
#[cfg(feature = "rustls-tls")]
mod verifier;

#[cfg(feature = "rustls-tls")]
pub(crate) use verifier::why_not_believed;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

pub use self::error::TlsError;
use self::options::{Backend, Connector, Options};
pub(crate) use self::prepared::PreparedTls;

/// How TLS is done with a server.
///
/// The default believes the roots that the features name, checks everything, offers `http/1.1` by ALPN, and logs
/// nothing. What is wrong with certificates or keys given here is reported by the dial ([`TlsError`]). Clones share
/// their sessions, so that a second connection to a server is quicker.
#[derive(Clone, Default)]
pub struct Tls {
    options: Arc<Options>,
    /// Made by the first dial: reading the system's roots takes milliseconds.
    connector: Arc<OnceLock<Connector>>,
}

impl Tls {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts these certificates too: one or several in PEM.
    ///
    /// - A certificate is trusted if a server shows exactly this one, whoever signed it and whatever it says of
    ///   authority. Certificates made for development are such.
    /// - The certificate of an authority, be it a root or one below, is also trusted to vouch for those of servers. The
    ///   key of a certificate that is not for an authority cannot vouch for another (RFC 5280, 4.2.1.9).
    ///
    /// A server's certificate must be for the server's name, for servers, and for today in both cases. If it is trusted by
    /// itself and has no alternative names, the common name of its subject counts. Bundles may hold certificates that
    /// cannot be read, as long as one can.
    ///
    /// The system's library (feature `native-tls`) has rules of its own: OpenSSL trusts a certificate that has signed
    /// itself, but not one that an authority has signed without that authority.
    pub fn add_roots(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with(|options| options.extra_roots.push(pem.into()))
    }

    /// Whether the roots that the features name are trusted. Default true; without them only the certificates of
    /// [`add_roots`](Self::add_roots) are.
    pub fn default_roots(self, believe: bool) -> Self {
        self.with(|options| options.default_roots = believe)
    }

    /// Who we are, for servers that ask: our certificate and those between it and its root, and its private key, both in
    /// PEM. The key is PKCS #8, or, with rustls, PKCS #1 or SEC 1, and it is not encrypted. Whether the certificate is good
    /// enough is for the server to say: one of X.509 version 1 or one that has expired is sent, too.
    pub fn client_certificate(self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.with(|options| options.client_certificate = Some((chain.into(), key.into())))
    }

    /// The name to ask for (SNI) and to find in the certificate, instead of the URL's host.
    pub fn server_name(self, name: &str) -> Self {
        self.with(|options| options.server_name = Some(name.to_owned()))
    }

    /// The protocols to offer by ALPN, the best first; no names offer nothing. Default: `http/1.1`, which is what is spoken
    /// here: without it, a server that prefers HTTP/2 would answer in it. Some servers want a name of their own.
    pub fn alpn<S: AsRef<str>>(self, protocols: impl IntoIterator<Item = S>) -> Self {
        let protocols = protocols.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.with(|options| options.alpn = protocols)
    }

    /// Appends the secrets of each session to this file, in the form that Wireshark reads. Whoever has the file can read
    /// what was said. With rustls only.
    pub fn key_log_file(self, path: impl Into<PathBuf>) -> Self {
        self.with(|options| options.key_log = Some(path.into()))
    }

    /// The same, with the file that the environment variable `SSLKEYLOGFILE` names, if it names one.
    pub fn key_log_from_env(self) -> Self {
        match std::env::var_os("SSLKEYLOGFILE").filter(|path| !path.is_empty()) {
            Some(path) => self.key_log_file(path),
            None => self,
        }
    }

    /// **Dangerous:** accepts any certificate, so that whoever stands between can read and change everything. For tests
    /// on one's own machine; better is [`add_roots`](Self::add_roots).
    ///
    /// With rustls any means any: X.509 version 1, wrong dates and extensions, keys that are too short or of an unknown
    /// kind. A server must still own the certificate that it shows, if its key is one that rustls can check. The system's
    /// library may go on refusing what its security level forbids, such as short keys.
    pub fn danger_accept_invalid_certs(self, accept: bool) -> Self {
        self.with(|options| options.accept_invalid_certs = accept)
    }

    /// Uses the system's library even where rustls is there.
    #[cfg(feature = "native-tls")]
    pub fn use_native_tls(self) -> Self {
        self.with(|options| options.backend = Backend::Native)
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(Arc::make_mut(&mut self.options));
        self.connector = Arc::default();
        self
    }

    fn given(connector: Connector) -> Self {
        Self::default().with(|options| options.backend = Backend::Given(connector))
    }

    /// What dialers without a `Tls` of their own use, so that they share the roots that were read and their sessions.
    pub(crate) fn shared_default() -> Self {
        static SHARED: OnceLock<Tls> = OnceLock::new();
        SHARED.get_or_init(Self::default).clone()
    }
}

/// A configuration that is used as it is; of what can be set here only [`Tls::server_name`] still counts. Its ALPN should
/// be empty or name `http/1.1`.
#[cfg(feature = "rustls-tls")]
impl From<Arc<rustls::ClientConfig>> for Tls {
    fn from(config: Arc<rustls::ClientConfig>) -> Self {
        Self::given(Connector::rustls(config))
    }
}

/// A connector that is used as it is; of what can be set here only [`Tls::server_name`] still counts.
#[cfg(feature = "native-tls")]
impl From<native_tls::TlsConnector> for Tls {
    fn from(connector: native_tls::TlsConnector) -> Self {
        Self::given(Connector::native(connector))
    }
}

/// Without certificates and keys.
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
