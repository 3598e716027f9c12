//! Tests how the server treats its own page behind a proxy. If a proxy changes `Host`, the origin of every page looks
//! foreign. Then browsers are refused, although all other clients can connect.

use std::time::Duration;

use http::{StatusCode, header};
use silverback::{CloseCode, DialError, proto::handshake::ClientRequest};
use tokio::time::timeout;

use super::{args::Args, trace::Seen};

/// If a proxy has answered, connects once more as a page of the server would. Returns an explanation if the server
/// refuses such pages.
pub(super) async fn look(args: &Args, url: &str, to: &ClientRequest, seen: &[Seen]) -> Option<String> {
    if args.dial.origin.is_some() || gives_host(args) || !is_behind_proxy(seen) {
        return None;
    }
    let origin = origin_of(to);
    let dialer = args.dial.destination().ok()?.dialer.origin(&origin);
    let looking = async {
        match dialer.dial(url).await {
            Ok(mut conn) => {
                let _ = conn.close(CloseCode::NORMAL, "").await;
                None
            }
            Err(DialError::Refused { refusal, .. }) => Some(refusal.status),
            Err(_) => None,
        }
    };
    // Late answers are none.
    let status = timeout(PATIENCE, looking).await.ok().flatten()?;
    (status == StatusCode::FORBIDDEN).then(|| {
        format!(
            "Pages of {origin} are refused with 403, though it is their own server. The proxy in front of it may put \
             another name into Host: nginx needs proxy_set_header Host $http_host. See it with --origin {origin}."
        )
    })
}

/// Returns whether the user gives the header `Host`: pages of such a server have another origin.
fn gives_host(args: &Args) -> bool {
    let names = args.dial.header.iter().filter_map(|header| header.split_once(':'));
    names.into_iter().any(|(name, _)| name.trim().eq_ignore_ascii_case("host"))
}

fn origin_of(to: &ClientRequest) -> String {
    let (scheme, default_port) = if to.is_secure() { ("https", 443) } else { ("http", 80) };
    match to.port() {
        port if port == default_port => format!("{scheme}://{}", to.host()),
        port => format!("{scheme}://{}:{port}", to.host()),
    }
}

/// A redirect leads to a server whose pages are others.
fn is_behind_proxy(seen: &[Seen]) -> bool {
    let is_redirected = seen.iter().any(|seen| matches!(seen, Seen::Redirected { .. }));
    !is_redirected
        && seen.iter().any(|seen| match seen {
            Seen::Answered { headers, .. } => {
                let server = headers.get(header::SERVER).and_then(|server| server.to_str().ok());
                let server = server.unwrap_or_default().to_ascii_lowercase();
                headers.contains_key(header::VIA) || PROXIES.iter().any(|proxy| server.starts_with(proxy))
            }
            _ => false,
        })
}

/// How proxies that are common in front of a service name themselves in `Server`.
const PROXIES: [&str; 7] = ["nginx", "openresty", "apache", "caddy", "envoy", "cloudflare", "haproxy"];

const PATIENCE: Duration = Duration::from_secs(3);
