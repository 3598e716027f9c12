//! Answers with another status than 101: each has its usual reasons.

use http::header;
use silverback::dial::{RedirectFault, Refusal};

use super::facts::Facts;
use crate::{check::finding::Diagnosis, dialing::shown::without_secrets, printable::printable};

pub(super) fn refused(refusal: &Refusal, facts: &Facts<'_>) -> Diagnosis {
    match refusal.status.as_u16() {
        200..=299 => not_an_endpoint(facts),
        300..=399 => redirected(refusal),
        400 | 426 => not_upgraded(refusal),
        401 => unauthorized(refusal, facts),
        403 => forbidden(facts),
        404 | 410 => wrong_path(facts),
        405 => Diagnosis::new("wrong-method", format!("{} does not accept {}: {NO_ENDPOINT}", path(facts), method(facts)))
            .advise(CHECK_PATH),
        407 => Diagnosis::new("proxy-credentials", "A proxy on the way to the server requires a login.")
            .advise("Log in with --proxy http://USER:PASSWORD@HOST:PORT."),
        421 => Diagnosis::new("wrong-host", "The server does not serve this host.")
            .advise("Check the host of the URL, or set another one with -H 'Host: NAME'."),
        429 => Diagnosis::new("too-many", "The server got too many requests from this client.").advise(wait(refusal)),
        502..=504 => not_behind(refusal),
        505 => Diagnosis::new(
            "http-1.0",
            "The server is asked with HTTP/1.0, in which there is no upgrade. Our request was HTTP/1.1, so a proxy between \
             speaks nothing newer.",
        )
        .advise(STRIPPED),
        500..=599 => Diagnosis::new("server-error", "The server had an internal error.")
            .advise("Its log says more. The last line here ends with its answer, if it sent one."),
        _ => Diagnosis::new("refused", "The server refuses the handshake, and its status does not say why."),
    }
}

pub(super) fn redirect(fault: RedirectFault, refusal: &Refusal) -> Diagnosis {
    match fault {
        RedirectFault::TooMany { limit } => {
            Diagnosis::new("redirect-loop", format!("The server still redirects after {limit} redirects."))
                .advise("It may redirect in a loop. --max-redirs allows more.")
        }
        RedirectFault::ToPlain => Diagnosis::new(
            "redirect-to-plain",
            "The server redirects from TLS to plain text. The client does not follow, to protect secrets.",
        )
        .advise(location_advice(refusal)),
        _ => Diagnosis::new("redirect-to-nowhere", "The server redirects, but does not say where to.")
            .advise("Its Location is missing, or is not a URL."),
    }
}

/// The method of a handshake.
fn method(facts: &Facts<'_>) -> &'static str {
    if facts.options.http2 || facts.options.http3 { "CONNECT" } else { "GET" }
}

fn not_an_endpoint(facts: &Facts<'_>) -> Diagnosis {
    Diagnosis::new("not-an-endpoint", format!("{} is an ordinary page: {NO_ENDPOINT}", path(facts)))
        .advise(CHECK_PATH)
        .advise(STRIPPED)
}

fn redirected(refusal: &Refusal) -> Diagnosis {
    let to = text(refusal, header::LOCATION.as_str());
    let meaning = match &to {
        Some(to) => format!("The server redirects to {to}."),
        None => "The server redirects, but does not say where to.".to_owned(),
    };
    let is_login = to.as_ref().is_some_and(|to| to.to_ascii_lowercase().contains("login"));
    Diagnosis::new("redirect", meaning)
        .advise(location_advice(refusal))
        .advise_if(is_login, "This looks like a login page: see --user, --bearer and -H 'Cookie: ..'.")
}

fn location_advice(refusal: &Refusal) -> String {
    let to = text(refusal, header::LOCATION.as_str()).filter(|to| to.contains("://"));
    match to {
        Some(to) => format!(
            "Use {}, or -L to follow redirects.",
            to.replacen("http", "ws", usize::from(to.starts_with("http")))
        ),
        None => "Use the URL that it names, or -L to follow redirects.".to_owned(),
    }
}

/// 400 and 426 (RFC 6455, 4.2.2 and 4.4).
fn not_upgraded(refusal: &Refusal) -> Diagnosis {
    let versions = text(refusal, "sec-websocket-version");
    let speaks_ours = |versions: &String| versions.split(',').any(|version| version.trim() == "13");
    match versions {
        Some(versions) if !speaks_ours(&versions) => Diagnosis::new(
            "wrong-version",
            format!("The server speaks WebSocket version {versions}, and not 13, the version of RFC 6455."),
        )
        .advise("It is from before 2011, or misconfigured."),
        _ if refusal.status.as_u16() == 426 => Diagnosis::new(
            "upgrade-not-seen",
            "The server saw no request to upgrade. It was sent, so something on the way has removed it.",
        )
        .advise(STRIPPED),
        Some(_) => Diagnosis::new(
            "bad-request",
            "The server speaks version 13, but does not accept this request as a handshake.",
        )
        .advise(STRIPPED),
        None => Diagnosis::new("bad-request", "The server does not understand the request, or rejects it.")
            .advise(STRIPPED)
            .advise("A server with several hosts may not know this one: see -H 'Host: NAME'."),
    }
}

fn unauthorized(refusal: &Refusal, facts: &Facts<'_>) -> Diagnosis {
    let options = facts.options;
    let has_some = options.user.is_some() || options.bearer.is_some() || options.bearer_file.is_some();
    let scheme = text(refusal, header::WWW_AUTHENTICATE.as_str());
    let scheme = scheme.as_deref().and_then(|value| value.split([' ', ',']).next()).unwrap_or_default();
    let meaning = match has_some {
        true => "The server does not accept these credentials.",
        false => "The server requires a login.",
    };
    let diagnosis = Diagnosis::new("credentials", meaning);
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => {
            diagnosis.advise("It asks for Basic: --user NAME, with the password in SILVERBACK_PASSWORD or a file.")
        }
        "bearer" => diagnosis.advise("It asks for a token: --bearer-file FILE or SILVERBACK_BEARER."),
        _ => diagnosis.advise("See --user, --bearer and -H 'Cookie: ..'."),
    }
}

fn forbidden(facts: &Facts<'_>) -> Diagnosis {
    let scheme = if facts.is_secure { "https" } else { "http" };
    let diagnosis = Diagnosis::new("forbidden", "The server knows this path, but denies access.");
    match &facts.options.origin {
        Some(origin) if is_of_place(origin, facts) => diagnosis.advise(OTHER_HOST),
        None => diagnosis.advise(format!(
            "It may require the origin of its own pages: --origin {scheme}://{}.",
            facts.place.trim_end_matches(if facts.is_secure { ":443" } else { ":80" })
        )),
        Some(origin) => diagnosis
            .advise(format!("It may reject the origin {}: try another, or none.", printable(origin)))
            .advise(OTHER_HOST),
    }
    .advise("It may also reject these credentials or this client's address, or require a cookie or a key in a header.")
}

/// Whether the origin is that of a page of this very server.
fn is_of_place(origin: &str, facts: &Facts<'_>) -> bool {
    let with_port = |scheme: &str, authority: &str| match authority.rsplit_once(':') {
        Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => authority.to_ascii_lowercase(),
        _ => format!("{}:{}", authority.to_ascii_lowercase(), if scheme == "https" { 443 } else { 80 }),
    };
    let place = with_port(if facts.is_secure { "https" } else { "http" }, facts.place);
    origin.split_once("://").is_some_and(|(scheme, authority)| with_port(scheme, authority) == place)
}

fn wrong_path(facts: &Facts<'_>) -> Diagnosis {
    Diagnosis::new("wrong-path", format!("There is nothing at {}.", path(facts)))
        .advise(CHECK_PATH)
        .advise("A proxy may not pass this path on, and a server with several hosts may not know this one.")
}

fn not_behind(refusal: &Refusal) -> Diagnosis {
    let who = text(refusal, header::SERVER.as_str());
    let who = who.map_or_else(|| "a proxy".to_owned(), |name| format!("a proxy ({name})"));
    let meaning = match refusal.status.as_u16() {
        504 => format!("Answered by {who}: the service behind it takes too long."),
        503 => format!("Answered by {who}, or by a server that is too busy: the service is not available now."),
        _ => format!("Answered by {who}: the service behind it gives no valid answer."),
    };
    Diagnosis::new("service-down", meaning)
        .advise("Check that the service runs, and that the proxy knows its address and port.")
        .advise(wait(refusal))
}

fn wait(refusal: &Refusal) -> String {
    match text(refusal, header::RETRY_AFTER.as_str()) {
        Some(after) if after.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("Try again after {after} s, as it says.")
        }
        Some(after) => format!("Try again after {after}, as it says."),
        None => "Try again later.".to_owned(),
    }
}

fn text(refusal: &Refusal, name: &str) -> Option<String> {
    let value = refusal.headers.get(name)?;
    Some(printable(&without_secrets(&String::from_utf8_lossy(value.as_bytes()))))
}

/// Without the query.
fn path<'a>(facts: &Facts<'a>) -> &'a str {
    facts.target.split('?').next().unwrap_or("/")
}

const NO_ENDPOINT: &str = "it does not speak WebSocket.";
const CHECK_PATH: &str = "Check the path of the URL: /ws, /websocket and /socket are common ones.";
pub(super) const STRIPPED: &str = "Or a proxy in front of it does not pass the upgrade on: nginx needs \
                                   proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade, proxy_set_header \
                                   Connection \"upgrade\" and, for the pages of browsers, proxy_set_header Host \
                                   $http_host; other proxies have an option for WebSocket.";
/// The browser compares the origin of its page with the host that it asks; the server with the host that a proxy names.
const OTHER_HOST: &str = "A proxy in front of it may change the Host, so that its own pages look foreign: nginx \
                          needs proxy_set_header Host $http_host.";
