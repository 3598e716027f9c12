//! TLS of the service: which certificate it presents, and which versions of HTTP it offers.

mod pem;
mod presented;
mod reload;
mod self_signed;

use std::sync::Arc;

use rustls::{ServerConfig, crypto::ring::default_provider};

use self::{
    pem::Files,
    presented::{Presented, fingerprint},
};
use super::args::TlsArgs;
use crate::{error::Error, signals::Signals};

/// TLS with one certificate, which may be replaced while it is in use.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    presented: Arc<Presented>,
    config: Arc<ServerConfig>,
    /// `None` if the certificate is self-signed.
    files: Option<Files>,
}

impl Tls {
    /// Reads or makes the certificate. Returns `None` if the options ask for no TLS.
    pub(crate) fn resolve(args: TlsArgs) -> Result<Option<Self>, Error> {
        let TlsArgs { tls_cert, tls_key, tls_self_signed } = args;
        let files = tls_cert.map(|certificate| Files { certificate, key: tls_key });
        let certified = match &files {
            Some(files) => files.read().map_err(|fault| Error::Usage(fault.to_string()))?,
            None if tls_self_signed => self_signed::make(&names_of_this_machine())
                .map_err(|reason| Error::System(format!("cannot make a certificate: {reason}")))?,
            None => return Ok(None),
        };
        let presented = Arc::new(Presented::new(certified));
        let config =
            ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
        let config = config.map_err(|error| Error::System(format!("cannot set up TLS: {error}")))?;
        let mut config = config.with_no_client_auth().with_cert_resolver(presented.clone());
        config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self { presented, config: Arc::new(config), files }))
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// The fingerprint of a certificate that was made for this run. Nobody can know it otherwise.
    pub(crate) fn self_signed_fingerprint(&self) -> Option<String> {
        if self.files.is_some() { None } else { Some(fingerprint(self.presented.current().end_entity_cert().ok()?)) }
    }

    /// Starts to read the files again when they change, and at each SIGHUP.
    pub(crate) fn reload(&self, signals: &Signals) -> Result<(), Error> {
        match &self.files {
            Some(files) => reload::start(files.clone(), self.presented.clone(), signals),
            None => Ok(()),
        }
    }
}

/// The host name, which other machines in the same network may know.
fn names_of_this_machine() -> Vec<String> {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_name = name.len() <= 253 && name.split('.').all(is_label) && name != "localhost";
    is_name.then_some(name).into_iter().collect()
}

/// The ALPN name of HTTP/2 (RFC 9113, 3.1).
pub(crate) const HTTP_2: &[u8] = b"h2";

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
