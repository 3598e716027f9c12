//! The options of reaching a server. They are spelt as curl spells them.

use std::{convert::Infallible, path::PathBuf, time::Duration};

use clap::Args;
use silverback::{Compression, dial::HttpVersion};

use super::overrides::{self, Override};
use crate::values;

/// The URL, and the way to its server.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub(crate) struct DialOptions {
    /// The server's URL, like wss://example.com/chat. http:// and https:// mean the same as ws:// and wss://.
    #[arg(value_name = "URL", value_parser = trimmed)]
    pub(crate) url: String,

    /// Add this header to the request, like 'X-Tenant: blue'; @FILE adds each line of a file. Can be repeated.
    /// User-Agent is silverback/VERSION unless given.
    #[arg(short = 'H', long, value_name = "HEADER", help_heading = REQUEST)]
    pub(crate) header: Vec<String>,

    /// Log in with this user name (Basic authentication). A password that is not given here is read from
    /// --password-file or the variable SILVERBACK_PASSWORD, where other users of the machine cannot see it.
    #[arg(short, long, value_name = "USER[:PASSWORD]", help_heading = REQUEST)]
    #[arg(conflicts_with_all = ["bearer", "bearer_file"])]
    pub(crate) user: Option<String>,

    /// Read the password for --user from the first line of this file.
    #[arg(long, value_name = "FILE", requires = "user", help_heading = REQUEST)]
    pub(crate) password_file: Option<PathBuf>,

    /// Log in with this bearer token. Default: from --bearer-file or the variable SILVERBACK_BEARER.
    #[arg(long, value_name = "TOKEN", conflicts_with = "bearer_file", help_heading = REQUEST)]
    pub(crate) bearer: Option<String>,

    /// Read the token from the first line of this file.
    #[arg(long, value_name = "FILE", help_heading = REQUEST)]
    pub(crate) bearer_file: Option<PathBuf>,

    /// Send this origin, as a browser does, like https://example.com.
    #[arg(long, value_name = "ORIGIN", help_heading = REQUEST)]
    pub(crate) origin: Option<String>,

    /// Offer this subprotocol. Can be repeated, or separated by commas: the preferred one first.
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', help_heading = REQUEST)]
    pub(crate) subprotocol: Vec<String>,

    /// Follow redirects, but never from TLS to plain text. Credentials and headers of --header are not sent to another
    /// origin, except User-Agent. Cookies that a redirect sets are sent with the next request.
    #[arg(short = 'L', long, help_heading = REQUEST)]
    pub(crate) location: bool,

    /// Follow at most this many redirects.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "location", help_heading = REQUEST)]
    pub(crate) max_redirs: usize,

    /// Use HTTP/1.1. This is the default.
    #[arg(long = "http1.1", conflicts_with_all = ["http2", "http3"], help_heading = VERSION)]
    pub(crate) http1: bool,

    /// Use HTTP/2 (RFC 8441): with TLS by ALPN, and without TLS by prior knowledge.
    #[arg(long, conflicts_with = "http3", help_heading = VERSION)]
    pub(crate) http2: bool,

    /// Use HTTP/3 (RFC 9220), over UDP. Needs wss://, and goes through no proxy.
    #[arg(long, help_heading = VERSION)]
    pub(crate) http3: bool,

    /// With --http2: fall back to HTTP/1.1 if the server does not take WebSockets over HTTP/2. Needs wss://, because a
    /// server without TLS cannot tell.
    #[arg(long, requires = "http2", help_heading = VERSION)]
    pub(crate) fallback: bool,

    /// Trust only the certificates in this PEM file: authorities, or the server's own.
    #[arg(long, value_name = "FILE", help_heading = TLS)]
    pub(crate) cacert: Option<PathBuf>,

    /// Present this client certificate, a PEM file with its chain, and with its key if --key is not given.
    #[arg(long, value_name = "FILE", help_heading = TLS)]
    pub(crate) cert: Option<PathBuf>,

    /// Read the private key of --cert from this PEM file.
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = TLS)]
    pub(crate) key: Option<PathBuf>,

    /// Accept any certificate, so that the server may be an impostor. For tests only.
    #[arg(short = 'k', long, help_heading = TLS)]
    pub(crate) insecure: bool,

    /// Trust only the certificates in this PEM file for an https:// proxy. --cacert, --cert and --insecure apply to the
    /// server alone.
    #[arg(long, value_name = "FILE", help_heading = TLS)]
    pub(crate) proxy_cacert: Option<PathBuf>,

    /// Accept any certificate of an https:// proxy, so that the proxy may be an impostor. For tests only.
    #[arg(long, help_heading = TLS)]
    pub(crate) proxy_insecure: bool,

    /// Connect through this proxy: http://, https://, socks5:// or socks5h://[USER:PASSWORD@]HOST[:PORT]. Default: from
    /// the variables HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY; their lower-case forms win, even if empty.
    #[arg(short = 'x', long, value_name = "URL", help_heading = NETWORK)]
    pub(crate) proxy: Option<String>,

    /// Connect to these hosts without a proxy, separated by commas; * means all.
    #[arg(long, value_name = "HOSTS", help_heading = NETWORK)]
    pub(crate) noproxy: Option<String>,

    /// Connect to this address, or to several separated by commas, for this host and port instead of looking the host
    /// up. Can be repeated.
    #[arg(long, value_name = "HOST:PORT:ADDRESS", value_parser = overrides::parse, help_heading = NETWORK)]
    pub(crate) resolve: Vec<Override>,

    /// Connect to this Unix socket. The request still takes its host and path from the URL.
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", help_heading = NETWORK)]
    pub(crate) unix_socket: Option<PathBuf>,

    /// Accept response heads up to this size, from 1KiB to 64KiB. Large cookies need more.
    #[arg(long, value_name = "SIZE", value_parser = values::head_size, default_value = "16KiB", help_heading = NETWORK)]
    pub(crate) max_head_size: usize,

    /// Time out if opening the connection takes longer, like 5s or 500ms. Default: 10s for each step, 30s for all.
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = NETWORK)]
    pub(crate) connect_timeout: Option<Duration>,
}

/// A URL that was pasted may bring blanks and a line break, which browsers strip as well.
fn trimmed(url: &str) -> Result<String, Infallible> {
    Ok(url.trim().to_owned())
}

/// The offer of compression, by commands that make it unless told otherwise.
#[derive(Args, Clone, Copy, Debug)]
#[group(skip)]
pub(crate) struct OfferOptions {
    /// Do not offer compression (permessage-deflate, RFC 7692).
    #[arg(long, visible_alias = "no-compress", help_heading = REQUEST)]
    pub(crate) no_compression: bool,
}

impl OfferOptions {
    pub(crate) fn compression(self) -> Option<Compression> {
        (!self.no_compression).then(Compression::default)
    }
}

const REQUEST: &str = "Request";
impl DialOptions {
    pub(crate) fn http_version(&self) -> HttpVersion {
        match self {
            Self { http3: true, .. } => HttpVersion::Http3,
            Self { http2: true, fallback: true, .. } => HttpVersion::Http2OrHttp1,
            Self { http2: true, .. } => HttpVersion::Http2,
            _ => HttpVersion::Http1,
        }
    }
}

/// Names the version that is asked for.
pub(crate) fn version_name(version: HttpVersion) -> &'static str {
    match version {
        HttpVersion::Http2 => "HTTP/2",
        HttpVersion::Http2OrHttp1 => "HTTP/2 or HTTP/1.1",
        HttpVersion::Http3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

const VERSION: &str = "Version of HTTP";
const TLS: &str = "TLS";
const NETWORK: &str = "Network";
