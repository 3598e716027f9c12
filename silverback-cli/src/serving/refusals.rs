//! Lines for the operator about refused handshakes. Browsers do not show the answer, so this is where its reason
//! appears. The number of lines is limited, because anyone can cause them.

use std::{
    fmt::Display,
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderName, HeaderValue, Request, header};
use silverback::proto::handshake::Rejection;

use super::{
    open_connections::Full,
    sockets::{Client, Peer},
};
use crate::error;

/// Reports that a client's request was refused.
pub(crate) fn report(client: Client, request: &Request<()>, rejection: &Rejection) {
    print(|| {
        let host = request.uri().authority().map(|authority| excerpt(authority.as_str().as_bytes()));
        let host = host.or_else(|| value_of(request, &header::HOST)).unwrap_or_else(|| "none".to_owned());
        let origin = value_of(request, &header::ORIGIN).unwrap_or_else(|| "none".to_owned());
        let reason = match reason(rejection) {
            Rejection::Origin(_) => "pages of this origin may not connect; --allow-origin lets them in".to_owned(),
            Rejection::Host(_) => "this host is not allowed; --allow-host allows it".to_owned(),
            other => other.to_string().trim_end_matches('.').to_owned(),
        };
        format!("refused {client} with {} (host: {host}, origin: {origin}): {reason}", rejection.status().as_u16())
    });
}

/// Reports a TLS handshake that failed.
pub(crate) fn report_tls(peer: Peer, error: &io::Error) {
    print(|| format!("the TLS handshake with {peer} failed: {error}"));
}

/// Reports a request without TLS on a port that takes TLS.
pub(crate) fn report_plain(peer: Peer) {
    print(|| format!("refused {peer} with 400: the request came without TLS, and this port takes TLS"));
}

/// Reports a malformed header of a trusted proxy.
pub(crate) fn report_forwarded(proxy: Peer, header: &HeaderName) {
    print(|| format!("refused a request through the proxy {proxy} with 400: its {header} header is malformed"));
}

/// Reports a connection of a proxy without a header of the PROXY protocol.
pub(crate) fn report_proxy(proxy: Peer, fault: &str) {
    print(|| format!("refused a connection of the proxy {proxy}: {fault}"));
}

/// Reports a WebSocket for which there is no place.
pub(crate) fn report_full(client: Client, full: Full) {
    print(|| {
        let limit = match full {
            Full::Server => "as many WebSockets are open as --max-connections allows",
            Full::Address => "its address has as many WebSockets as --max-connections-per-address allows",
        };
        format!("refused {client} with 503: {limit}")
    });
}

/// Reports a WebSocket that came too fast after others.
pub(crate) fn report_rate(client: Client) {
    print(|| format!("refused {client} with 503: more WebSockets than --accept-rate open in this second"));
}

/// Reports a header of the PROXY protocol that is not read.
pub(crate) fn report_proxy_header(peer: Peer) {
    print(|| {
        format!(
            "refused {peer}: it sent a PROXY header, which only a --trusted-proxy may do, with --proxy-protocol, and only once"
        )
    });
}

/// Reports a head that was too large.
pub(crate) fn report_head(peer: Peer, rejection: &Rejection, advice: &str) {
    let status = rejection.status().as_u16();
    print(|| format!("refused {peer} with {status}: {rejection} {advice}"));
}

/// Returns the reason of a rejection, which is wrapped if it is for HTTP/2.
pub(crate) fn reason(rejection: &Rejection) -> &Rejection {
    match rejection {
        Rejection::Connect(reason) => reason,
        other => other,
    }
}

/// Calls `line` only if the limit allows a line.
fn print<L: Display>(line: impl FnOnce() -> L) {
    static ALLOWANCE: Mutex<Option<Allowance>> = Mutex::new(None);
    let now = Instant::now();
    let mut allowance = ALLOWANCE.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = allowance.get_or_insert_with(|| Allowance::new(now)).take(now);
    drop(allowance);
    match taken {
        None => {}
        Some(0) => error::report(&line()),
        Some(more) => error::report(&format_args!("{}; {more} more refusals before this one were not printed", line())),
    }
}

/// Allows a number of lines at once, and then one per second.
#[derive(Debug)]
struct Allowance {
    left: u32,
    /// The time of the last increase of `left`.
    refilled: Instant,
    left_out: u64,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { left: BURST, refilled: now, left_out: 0 }
    }

    /// Takes one line. Returns the number of lines dropped since the last one, or `None` if this line must be dropped.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let earned = now.duration_since(self.refilled).as_secs();
        if earned > 0 {
            self.left = self.left.saturating_add(u32::try_from(earned).unwrap_or(u32::MAX)).min(BURST);
            self.refilled += Duration::from_secs(earned);
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Some(std::mem::take(&mut self.left_out))
            }
            None => {
                self.left_out += 1;
                None
            }
        }
    }
}

fn value_of(request: &Request<()>, name: &HeaderName) -> Option<String> {
    let values: Vec<&[u8]> = request.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect();
    (!values.is_empty()).then(|| excerpt(&values.join(&b", "[..])))
}

/// The start of a text, escaped for the terminal.
fn excerpt(text: &[u8]) -> String {
    let shown = text.get(..MAX_SHOWN).unwrap_or(text).escape_ascii();
    let more = if text.len() > MAX_SHOWN { "..." } else { "" };
    format!("`{shown}{more}`")
}

const BURST: u32 = 10;

/// The length of the longest domain name.
const MAX_SHOWN: usize = 253;

#[cfg(test)]
#[path = "refusals_tests.rs"]
mod tests;
