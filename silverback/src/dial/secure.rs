//! TLS to the server, or its error if this build has no TLS.

use std::io;

use super::{DialError, DialStep, TlsSession};
use crate::io::transport::wire::Wire;

#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
mod layer {
    use super::*;
    use crate::dial::tls::{PreparedTls, Tls};

    /// TLS that is ready for a stream. Faults in the client's own TLS settings have been reported before.
    #[derive(Debug)]
    pub(in crate::dial) struct TlsLayer(PreparedTls);

    impl TlsLayer {
        pub(in crate::dial) async fn prepare(tls: Option<&Tls>) -> Result<Self, DialError> {
            let tls = tls.cloned().unwrap_or_else(Tls::shared_default);
            if !tls.is_possible() {
                return Err(DialError::TlsUnsupported);
            }
            Ok(Self(tls.prepare().await.map_err(DialError::Tls)?))
        }

        /// `host` has no brackets.
        pub(in crate::dial) async fn establish(self, wire: Wire, host: &str) -> io::Result<(Wire, TlsSession)> {
            let (stream, session) = self.0.establish(wire, host).await?;
            Ok((Wire::Other(stream), session))
        }
    }
}

#[cfg(not(any(feature = "rustls-tls", feature = "native-tls")))]
mod layer {
    use super::*;

    #[derive(Debug)]
    pub(in crate::dial) enum TlsLayer {}

    impl TlsLayer {
        pub(in crate::dial) async fn prepare() -> Result<Self, DialError> {
            Err(DialError::TlsUnsupported)
        }

        pub(in crate::dial) async fn establish(self, _wire: Wire, _host: &str) -> io::Result<(Wire, TlsSession)> {
            match self {}
        }
    }
}

pub(super) use self::layer::TlsLayer;

/// Returns the step that an error of the stream belongs to, if it occurs in the opening handshake. In TLS 1.3 a server
/// that refuses the client, perhaps because it wants a client certificate, says so only after its part of the TLS
/// handshake.
pub(super) fn step_of(error: &io::Error) -> DialStep {
    #[cfg(feature = "rustls-tls")]
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        return DialStep::Tls;
    }
    let _ = error;
    DialStep::Handshake
}
