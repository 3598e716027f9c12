//! The result of `check`.

use std::{net::SocketAddr, time::Duration};

use http::{HeaderMap, StatusCode, Version, header};
use silverback::dial::TlsSession;

use super::{certificate::Certificate, conversation::Conversation, finding::Diagnosis, versions::Offered};
use crate::{
    dialing::{shown::shown_url, steps::shown_value},
    error::Error,
    printable::printable,
};

/// The steps, the observations and the problem.
#[derive(Debug)]
pub(super) struct Report {
    /// As it may be shown.
    pub(super) url: String,
    pub(super) steps: Vec<Step>,
    /// The versions of HTTP that the server was asked for.
    pub(super) versions: Vec<Offered>,
    /// `None` if no connection was opened.
    pub(super) conversation: Option<Conversation>,
    pub(super) total: Duration,
    /// Observations worth knowing although nothing is wrong.
    pub(super) notes: Vec<String>,
    pub(super) diagnosis: Option<Diagnosis>,
    /// The error, which decides the exit code; `None` if all steps succeeded.
    pub(super) error: Option<Error>,
}

/// One step of the way, and how long it took.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) took: Duration,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Resolved {
        host: String,
        addresses: Vec<SocketAddr>,
    },
    Unreachable {
        address: SocketAddr,
        why: String,
    },
    Connected {
        target: String,
        address: Option<SocketAddr>,
    },
    Proxied {
        proxy: String,
    },
    Secured(Security),
    Settings {
        version: Version,
        takes_websockets: bool,
    },
    FellBack,
    Answered {
        version: Version,
        status: StatusCode,
        headers: Vec<(String, String)>,
        agreed: Agreed,
    },
    Redirected {
        to: String,
    },
    /// The step that did not succeed, in a word, and why.
    Failed {
        step: &'static str,
        why: String,
    },
}

/// TLS, and the identity of the server.
#[derive(Clone, Debug)]
pub(super) struct Security {
    pub(super) target: String,
    pub(super) version: Option<String>,
    pub(super) cipher_suite: Option<String>,
    pub(super) alpn: Option<String>,
    pub(super) chain: usize,
    pub(super) trust: Trust,
    pub(super) certificate: Option<Certificate>,
}

/// Whether a trusted authority has signed the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    Verified,
    /// As `--insecure` asks.
    Unchecked,
    /// It was looked at in a second connection, after the first had refused it.
    Refused,
}

/// What both sides agreed on, in the server's words.
#[derive(Clone, Debug, Default)]
pub(super) struct Agreed {
    pub(super) subprotocol: Option<String>,
    pub(super) extensions: Option<String>,
}

impl Report {
    /// Of a dial, before anything is said about it.
    pub(super) fn empty(url: &str, steps: Vec<Step>) -> Self {
        Self {
            url: shown_url(url),
            steps,
            versions: Vec::new(),
            conversation: None,
            total: Duration::ZERO,
            notes: Vec::new(),
            diagnosis: None,
            error: None,
        }
    }
}

impl Security {
    pub(super) fn new(target: &str, session: &TlsSession, trust: Trust, now: std::time::SystemTime) -> Self {
        let own = session.peer_certificates.first();
        Self {
            target: target.to_owned(),
            version: session.version.clone(),
            cipher_suite: session.cipher_suite.clone(),
            alpn: session.alpn.as_deref().map(|name| printable(&String::from_utf8_lossy(name))),
            chain: session.peer_certificates.len(),
            trust,
            certificate: own.and_then(|der| Certificate::read(der, now)),
        }
    }
}

impl Agreed {
    pub(super) fn from(headers: &HeaderMap) -> Self {
        let joined = |name| {
            let values: Vec<_> = headers.get_all(&name).iter().map(|value| cut(shown_value(&name, value))).collect();
            (!values.is_empty()).then(|| values.join(", "))
        };
        Self {
            subprotocol: joined(header::SEC_WEBSOCKET_PROTOCOL),
            extensions: joined(header::SEC_WEBSOCKET_EXTENSIONS),
        }
    }
}

/// Returns the headers that reveal something about the server, without those of every answer.
pub(super) fn interesting(headers: &HeaderMap) -> Vec<(String, String)> {
    let is_interesting = |name: &str| !BORING.contains(&name);
    let told = headers.iter().filter(|(name, _)| is_interesting(name.as_str())).take(MOST_HEADERS);
    told.map(|(name, value)| (name.as_str().to_owned(), cut(shown_value(name, value)))).collect()
}

fn cut(text: String) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Headers of the handshake itself, and headers that the report shows elsewhere.
const BORING: [&str; 15] = [
    "connection",
    "upgrade",
    "sec-websocket-accept",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "content-length",
    "transfer-encoding",
    // For pages.
    "cache-control",
    "content-security-policy",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
];
const MOST_HEADERS: usize = 20;
const MOST_CHARS: usize = 200;

/// Whether this status opens a WebSocket. Over HTTP/2 and HTTP/3 any success does (RFC 8441, 5).
pub(super) fn is_open(version: Version, status: StatusCode) -> bool {
    match version {
        Version::HTTP_2 | Version::HTTP_3 => status.is_success(),
        _ => status == StatusCode::SWITCHING_PROTOCOLS,
    }
}
