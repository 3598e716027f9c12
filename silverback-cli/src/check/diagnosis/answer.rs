//! Answers that are none, or not what RFC 6455, 4.1 asks.

use silverback::{
    DialError,
    proto::handshake::{HandshakeError, HeadError},
};

use super::{facts::Facts, status::STRIPPED};
use crate::{check::finding::Diagnosis, values::MAX_HEAD_SIZE};

/// A 101 that breaks the protocol.
pub(super) fn wrong(error: &HandshakeError) -> Diagnosis {
    match error {
        HandshakeError::Upgrade(_) | HandshakeError::Connection(_) => Diagnosis::new(
            "upgrade-stripped",
            "The answer is 101, but its Upgrade and Connection headers are not those of a WebSocket server: a proxy \
             between has removed or changed them, or the server does not know the protocol.",
        )
        .advise(STRIPPED)
        .advise("Use TLS (wss://), so that intercepting proxies cannot change the headers."),
        HandshakeError::WrongAccept(_) | HandshakeError::MissingHeader(_) => Diagnosis::new(
            "wrong-accept",
            "The answer is 101, but it does not answer our key: it is from a cache, for another request, or from \
             something that does not know the protocol.",
        )
        .advise("Connect without the proxies and caches in between."),
        HandshakeError::WrongSubprotocol(_) => {
            Diagnosis::new("wrong-subprotocol", "The server chose a subprotocol that was not offered.")
                .advise("Offer the one that it wants with -s NAME. The server still breaks RFC 6455, 4.2.2.")
        }
        HandshakeError::WrongExtension(_)
        | HandshakeError::Extensions(_)
        | HandshakeError::ExtensionUsedTwice(_)
        | HandshakeError::Compression(_) => {
            Diagnosis::new("wrong-extension", "The server selected an extension in a form that was not offered.")
                .advise("Use --no-compression to offer none and test the rest. The server still breaks the protocol.")
        }
        HandshakeError::HttpVersion(_) => Diagnosis::new(
            "http-1.0",
            "The answer is HTTP/1.0, which has no upgrade: a proxy in between speaks no newer version.",
        )
        .advise("For nginx, set proxy_http_version 1.1."),
        _ => Diagnosis::new("wrong-answer", "The answer is 101, but it breaks RFC 6455, 4.2.2."),
    }
}

pub(super) fn no_http(error: &HeadError) -> Diagnosis {
    match error {
        HeadError::TooLarge { limit } => {
            Diagnosis::new("endless-answer", format!("The head of the answer is longer than {limit} bytes."))
                .advise_if(
                    *limit < MAX_HEAD_SIZE,
                    "Large cookies may be the reason: --max-head-size 64KiB accepts more.",
                )
                .advise("Other clients have limits too, so let the server send fewer or shorter headers.")
        }
        HeadError::TooManyHeaders { limit } => {
            Diagnosis::new("endless-answer", format!("The answer has more than {limit} header lines."))
                .advise("Other clients have limits too, so let the server send fewer headers.")
        }
        HeadError::ControlByte(_) | HeadError::StartLine | HeadError::Version => {
            Diagnosis::new("not-http", "The server at this port does not speak HTTP.")
                .advise("Check the port. If it speaks TLS, the URL begins with wss://.")
        }
        _ => Diagnosis::new("bad-http", "The answer is not valid HTTP."),
    }
}

/// Interim responses and nothing else.
pub(super) fn only_interim() -> Diagnosis {
    Diagnosis::new("endless-answer", "The server sends interim responses (1xx), but never a final one.")
        .advise("Look at the server's log: it accepts the request and does not finish it.")
}

/// No answer at all.
pub(super) fn none(error: &DialError, facts: &Facts<'_>) -> Diagnosis {
    match error.is_timeout() {
        true => {
            Diagnosis::new("no-answer", format!("{} accepts the connection, but does not answer in time.", facts.place))
                .advise("It may be overloaded, speak another protocol, or wait for a service behind it.")
                .advise_if(!facts.is_secure, "It may speak TLS: try wss://.")
                .advise("Use --connect-timeout to give it more time.")
        }
        false => Diagnosis::new("hung-up", format!("{} closes the connection instead of answering.", facts.place))
            .advise("Check the port: its server may not speak HTTP, or may be a proxy whose service is gone.")
            .advise_if(!facts.is_secure, "It may speak TLS: try wss://."),
    }
}
