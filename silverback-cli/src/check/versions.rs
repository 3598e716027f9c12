//! Asks a server over each version of HTTP whether it takes WebSockets.

use std::time::{Duration, Instant};

use http::Version;
use silverback::{CloseCode, dial::HttpVersion, proto::handshake::ClientRequest};
use tokio::time::timeout;

use super::{args::Args, reason::reason, trace::Seen};

/// A version of HTTP, and whether the server takes WebSockets over it.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    pub(super) version: Version,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// With the time to open one. `None` if the test itself used this version.
    Yes(Option<Duration>),
    No(String),
    /// Nothing was tried.
    Unknown(&'static str),
}

/// Opens a WebSocket over each version that the test has not used, if the server speaks TLS. One without TLS is not asked:
/// it cannot tell its versions, and one for HTTP/1.1 would take HTTP/2 for a broken request.
pub(super) async fn look(args: &Args, url: &str, to: &ClientRequest, seen: &[Seen], is_well: bool) -> Vec<Offered> {
    if !to.is_secure() {
        return Vec::new();
    }
    let used = seen.iter().rev().find_map(|seen| match seen {
        Seen::Answered { version, .. } if is_well => Some(*version),
        _ => None,
    });
    let look = async |version: Version, asked: HttpVersion| {
        let outcome = match used {
            Some(used) if used == version => Outcome::Yes(None),
            _ => try_version(args, url, to, asked).await,
        };
        Offered { version, outcome }
    };
    let (first, second, third) = tokio::join!(
        look(Version::HTTP_11, HttpVersion::Http1),
        look(Version::HTTP_2, HttpVersion::Http2),
        look(Version::HTTP_3, HttpVersion::Http3),
    );
    vec![first, second, third]
}

async fn try_version(args: &Args, url: &str, to: &ClientRequest, version: HttpVersion) -> Outcome {
    if version == HttpVersion::Http3 && !args.dial.is_direct(to).unwrap_or(false) {
        return Outcome::Unknown("it goes through no proxy and no Unix socket");
    }
    // The test itself has used the same files and options before.
    let Ok(destination) = args.dial.destination() else { return Outcome::Unknown("the options cannot be read again") };
    let dialer = destination.dialer.http_version(version);
    let dialer = dialer.adjust_config(|config| config.ping_interval(None).close_timeout(PATIENCE));
    let began = Instant::now();
    match timeout(PATIENCE, dialer.dial(url)).await {
        Ok(Ok(mut conn)) => {
            let took = began.elapsed();
            let _ = conn.close(CloseCode::NORMAL, "").await;
            Outcome::Yes(Some(took))
        }
        Ok(Err(error)) => Outcome::No(reason(&error)),
        Err(_) => Outcome::No(format!("nothing within {PATIENCE:?}")),
    }
}

/// Names a version as people do.
pub(super) fn name(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

const PATIENCE: Duration = Duration::from_secs(3);
