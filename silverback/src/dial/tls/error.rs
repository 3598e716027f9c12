//! The errors of the client's own TLS settings.

use std::{fmt, io, path::PathBuf, sync::Arc};

/// Why TLS could not start: a setting of [`Tls`](super::Tls) cannot be used. The error does not repeat certificates or
/// keys.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The roots are not certificates in PEM, or none of them can be used.
    Roots(String),
    /// No root is trusted: neither a feature nor the application gives one.
    NoRoots,
    /// The client certificate or its key is not PEM or cannot be used, or they do not belong together.
    ClientCertificate(String),
    /// The name for SNI is neither a host name nor an address.
    ServerName,
    /// The name of a protocol for ALPN is empty or longer than 255 bytes.
    Alpn,
    /// The key log file cannot be opened.
    KeyLog {
        /// The file.
        path: PathBuf,
        /// Why it cannot be opened.
        error: Arc<io::Error>,
    },
    /// The TLS library does not support this.
    Unsupported(&'static str),
    /// The TLS library refused its configuration.
    Configuration(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Roots(why) => write!(f, "the root certificates cannot be used: {why}"),
            Self::NoRoots => f.write_str(
                "no root certificate is trusted: add some, or enable one of silverback's features \
                 rustls-tls-platform-verifier, rustls-tls-native-roots or rustls-tls-webpki-roots",
            ),
            Self::ClientCertificate(why) => write!(f, "the client certificate cannot be used: {why}"),
            Self::ServerName => f.write_str("the server's name for TLS is neither a host's name nor an address"),
            Self::Alpn => f.write_str("the name of a protocol for ALPN has 1 to 255 bytes"),
            Self::KeyLog { path, error } => write!(f, "the key log {} cannot be opened: {error}", path.display()),
            Self::Unsupported(what) => write!(f, "this TLS library has no {what}"),
            Self::Configuration(why) => write!(f, "the TLS configuration is refused: {why}"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::KeyLog { error, .. } => Some(&**error),
            _ => None,
        }
    }
}
