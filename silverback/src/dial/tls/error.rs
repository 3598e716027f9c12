//! What can be wrong with our own side of TLS.

use std::{fmt, io, path::PathBuf, sync::Arc};

/// Why TLS cannot even be begun: something that was given to [`Tls`](super::Tls) makes no sense. Certificates and keys are
/// not repeated here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The roots are no certificates in PEM, or none of them can be used.
    Roots(String),
    /// There is no root to believe: neither a feature nor the application names any.
    NoRoots,
    /// The client's certificate or its key are no PEM, or do not belong together.
    ClientCertificate(String),
    /// The name to ask for is neither a host's name nor an address.
    ServerName,
    /// A protocol for ALPN has no name, or one of more than 255 bytes.
    Alpn,
    /// The file for the secrets of sessions cannot be opened.
    KeyLog {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: Arc<io::Error>,
    },
    /// The library that does TLS cannot do this.
    Unsupported(&'static str),
    /// The library that does TLS refuses its configuration.
    Configuration(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Roots(why) => write!(f, "the root certificates cannot be used: {why}"),
            Self::NoRoots => f.write_str(
                "there is no root certificate to believe: give some, or turn on one of silverback's features \
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
