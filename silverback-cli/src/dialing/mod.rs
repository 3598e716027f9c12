//! Connecting to a server: the options that all commands with a URL share, the [`Dialer`] that they configure, and the
//! errors. `secrets` reads credentials and headers, `shown` hides the secrets of URLs, and `steps` words each step.

pub(crate) mod errors;
pub(crate) mod options;
mod overrides;
mod secrets;
pub(crate) mod shown;
pub(crate) mod steps;
pub(crate) mod target;
mod userinfo;

use std::{net::SocketAddr, path::Path, time::Duration};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use silverback::{Dialer, dial::ProxyRules, proto::handshake::ClientRequest, tls::Tls};

use self::{errors::dial_error, options::DialOptions, secrets::Authorization};
use crate::error::Error;

/// A URL, and the dialer that is configured for it.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    /// The URL without user name and password.
    pub(crate) url: String,
    pub(crate) dialer: Dialer,
}

impl DialOptions {
    /// Reads the files and variables that the options name, and configures the dialer. Sends nothing.
    pub(crate) fn destination(&self) -> Result<Destination, Error> {
        let (url, credentials) = userinfo::part(&self.url).map_err(Error::Usage)?;
        let headers = secrets::headers(&self.header)?;
        let authorization = Authorization::resolve(self, credentials)?;
        let mut dialer = self.add_route(Dialer::new().metrics(false))?;
        for (name, value) in &headers {
            dialer = match name.eq_ignore_ascii_case("host") {
                true => dialer.host_header(value),
                false => dialer.header(name, value),
            };
        }
        dialer = match authorization {
            Some(Authorization::Basic { user, password }) => dialer.basic_auth(&user, &password),
            Some(Authorization::Bearer(token)) => dialer.bearer_auth(&token),
            None => dialer,
        };
        if let Some(origin) = &self.origin {
            dialer = dialer.origin(origin);
        }
        dialer = dialer.http_version(self.http_version());
        dialer = dialer.subprotocols(&self.subprotocol).redirects(if self.location { self.max_redirs } else { 0 });
        dialer.check(&url).map_err(|error| dial_error(&error))?;
        Ok(Destination { url, dialer: self.add_times(dialer) })
    }

    /// Returns a dialer to inspect the server. It accepts any certificate, so it sends no secrets.
    pub(crate) fn dialer_to_look(&self) -> Result<Dialer, Error> {
        let stranger = Self { cacert: None, cert: None, key: None, insecure: true, ..self.clone() };
        Ok(stranger.add_times(stranger.add_route(Dialer::new().metrics(false))?))
    }

    /// Whether a TCP connection reaches the server of this request, without a proxy or a Unix socket.
    pub(crate) fn is_direct(&self, to: &ClientRequest) -> Result<bool, Error> {
        if self.has_unix_socket() {
            return Ok(false);
        }
        let proxies = self.proxies()?;
        let proxy = proxies.proxy_for(to.is_secure(), to.host(), to.port());
        Ok(proxy.map_err(|error| Error::Usage(error.to_string()))?.is_none())
    }

    pub(crate) fn has_unix_socket(&self) -> bool {
        #[cfg(unix)]
        return self.unix_socket.is_some();
        #[cfg(not(unix))]
        return false;
    }

    /// Returns the addresses that `--resolve` gives for a host and port.
    pub(crate) fn given_addresses(&self, host: &str, port: u16) -> Vec<SocketAddr> {
        let given = self.resolve.iter().filter(|given| given.is_for(host, port));
        given.flat_map(|given| given.addresses.iter().copied()).collect()
    }

    fn add_route(&self, mut dialer: Dialer) -> Result<Dialer, Error> {
        dialer = dialer.max_head_size(self.max_head_size);
        dialer = dialer.tls(self.tls()?).proxy_tls(self.proxy_tls()?).proxy_rules(self.proxies()?);
        for entry in &self.resolve {
            for address in &entry.addresses {
                dialer = dialer.resolve(&entry.place(), *address);
            }
        }
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            dialer = dialer.unix_socket(path);
        }
        Ok(dialer)
    }

    fn add_times(&self, dialer: Dialer) -> Dialer {
        let Some(within) = self.connect_timeout else { return dialer };
        limit_each_step(dialer, within).timeout(within)
    }

    /// Whether this certificate is among those of `--cacert`.
    pub(crate) fn names_certificate(&self, certificate: &[u8]) -> bool {
        let Some(pem) = self.cacert.as_ref().and_then(|path| std::fs::read(path).ok()) else { return false };
        CertificateDer::pem_slice_iter(&pem).flatten().any(|named| &*named == certificate)
    }

    fn tls(&self) -> Result<Tls, Error> {
        let mut tls = Tls::new().key_log_from_env().dangerous_accept_invalid_certs(self.insecure);
        if let Some(path) = &self.cacert {
            tls = tls.default_roots(false).add_roots(read("--cacert", path)?);
        }
        if let Some(path) = &self.cert {
            let chain = read("--cert", path)?;
            let key = match &self.key {
                Some(path) => read("--key", path)?,
                None => chain.clone(),
            };
            tls = tls.client_certificate(chain, key);
        }
        Ok(tls)
    }

    fn proxy_tls(&self) -> Result<Tls, Error> {
        let tls = Tls::new().key_log_from_env().dangerous_accept_invalid_certs(self.proxy_insecure);
        Ok(match &self.proxy_cacert {
            Some(path) => tls.default_roots(false).add_roots(read("--proxy-cacert", path)?),
            None => tls,
        })
    }

    fn proxies(&self) -> Result<ProxyRules, Error> {
        let usage = |error| Error::Usage(format!("--proxy: {error}"));
        let mut rules = match &self.proxy {
            Some(url) => ProxyRules::all(url.parse().map_err(usage)?),
            None => ProxyRules::from_env(),
        };
        if let Some(list) = &self.noproxy {
            rules = rules.except(list);
        }
        Ok(rules)
    }
}

/// Gives each step of a dial this much time.
pub(crate) fn limit_each_step(dialer: Dialer, within: Duration) -> Dialer {
    dialer
        .resolve_timeout(within)
        .connect_timeout(within)
        .proxy_timeout(within)
        .tls_timeout(within)
        .handshake_timeout(within)
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::Usage(format!("{option} cannot read {}: {error}", path.display())))
}
