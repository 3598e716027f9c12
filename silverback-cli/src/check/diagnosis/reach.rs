//! Errors before TLS: unknown names, addresses that do not answer, proxies that refuse.

use std::io::ErrorKind;

use silverback::{
    DialError,
    dial::{DialStep, Refusal},
};

use super::facts::Facts;
use crate::check::finding::Diagnosis;

pub(super) fn failed(error: &DialError, facts: &Facts<'_>) -> Diagnosis {
    let target = error.target().unwrap_or(facts.place);
    match error.step() {
        Some(DialStep::Resolve) => unresolved(error, target),
        Some(DialStep::Proxy) => through_proxy(error, target),
        _ if facts.options.http3 && error.is_timeout() => unanswered_over_udp(target),
        _ => unconnected(error, target),
    }
}

fn unanswered_over_udp(target: &str) -> Diagnosis {
    Diagnosis::new("no-http3", format!("{target} does not answer over UDP, which HTTP/3 needs."))
        .advise(
            "The server may not speak HTTP/3. Use --http1.1 or --http2 to find out whether it can be reached at all.",
        )
        .advise("A firewall between may drop UDP.")
}

fn unresolved(error: &DialError, target: &str) -> Diagnosis {
    let host = target.rsplit_once(':').map_or(target, |(host, _)| host);
    let (cause, meaning) = match error.is_timeout() {
        true => ("resolve-timeout", format!("The name service did not resolve {host} in time.")),
        false => ("name-not-found", format!("The name {host} has no address, or the name service cannot be reached.")),
    };
    Diagnosis::new(cause, meaning)
        .advise("Check the spelling. Names of an internal network need its name service or its VPN.")
        .advise(format!("Use --resolve {target}:ADDRESS to skip the name service."))
}

fn unconnected(error: &DialError, target: &str) -> Diagnosis {
    let DialError::Io { source, .. } = error else { return unanswered(target) };
    match source.kind() {
        ErrorKind::ConnectionRefused => {
            Diagnosis::new("connection-refused", format!("The machine answers, but nothing listens at {target}."))
                .advise(
                    "Check the port, whether the server runs, and whether it listens at this address: one that \
                         listens at 127.0.0.1 is not reached from other machines.",
                )
                .advise("A firewall may also have refused the connection.")
        }
        ErrorKind::TimedOut => unanswered(target),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            Diagnosis::new("unreachable", format!("There is no route to the address of {target} from here."))
                .advise("Check the network, the VPN and the address; an IPv6 address needs IPv6 all the way.")
        }
        ErrorKind::NotFound | ErrorKind::PermissionDenied => {
            Diagnosis::new("socket-not-usable", format!("Connecting to {target} failed: {source}."))
                .advise("Check the path, the permissions of the socket, and whether the server runs.")
        }
        _ => Diagnosis::new("not-connected", format!("Connecting to {target} failed: {source}.")),
    }
}

fn unanswered(target: &str) -> Diagnosis {
    Diagnosis::new("connect-timeout", format!("{target} does not answer, not even with a refusal."))
        .advise("A firewall that drops packets looks like this, and so does a wrong address or a machine that is off.")
        .advise("Use --connect-timeout to give a slow network more time.")
}

fn through_proxy(error: &DialError, target: &str) -> Diagnosis {
    match error.is_timeout() {
        true => Diagnosis::new("proxy-timeout", format!("The proxy did not connect us to {target} in time.")),
        false => Diagnosis::new("proxy-failed", format!("The proxy did not connect us to {target}: {error}.")),
    }
    .advise("Check that the proxy is of the kind that its URL says: http, https, socks5 or socks5h.")
    .advise(PROXY_SOURCES)
}

pub(super) fn proxy_refused(proxy: &str, refusal: &Refusal) -> Diagnosis {
    match refusal.status.as_u16() {
        407 => Diagnosis::new("proxy-credentials", format!("The proxy {proxy} requires a login."))
            .advise("Give user name and password: --proxy http://USER:PASSWORD@HOST:PORT."),
        403 | 405 => Diagnosis::new("proxy-forbids", format!("The proxy {proxy} does not allow this connection."))
            .advise("Many proxies allow CONNECT to port 443 only; ask its operator."),
        502..=504 => Diagnosis::new("proxy-cannot-reach", format!("The proxy {proxy} cannot reach the server."))
            .advise("Check the URL's host and port as the proxy sees them."),
        status => Diagnosis::new("proxy-refused", format!("The proxy {proxy} answers {status} and does not connect."))
            .advise("The server there may not be a proxy at all."),
    }
    .advise(PROXY_SOURCES)
}

const PROXY_SOURCES: &str = "The proxy is that of --proxy or of the variables HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; \
                             --noproxy HOST goes past it.";
