//! Answers that are none, or not what RFC 6455, 4.1 asks.

use silverback::{
    DialError,
    handshake::{HandshakeError, HeadError},
};

use super::{facts::Facts, status::STRIPPED};
use crate::{check::finding::Diagnosis, values::MAX_HEAD_SIZE};

/// A 101 that must not be believed.
pub(super) fn wrong(error: &HandshakeError) -> Diagnosis {
    match error {
        HandshakeError::Upgrade(_) | HandshakeError::Connection(_) => Diagnosis::new(
            "upgrade-stripped",
            "The answer is 101, but its Upgrade and Connection headers are not those of a WebSocket server: a proxy \
             between has removed or changed them, or the server does not know the protocol.",
        )
        .advise(STRIPPED)
        .advise("Over TLS (wss://), proxies that nobody has asked for cannot touch the headers."),
        HandshakeError::WrongAccept(_) | HandshakeError::MissingHeader(_) => Diagnosis::new(
            "wrong-accept",
            "The answer is 101, but it does not answer our key: it is from a cache, for another request, or from \
             something that does not know the protocol.",
        )
        .advise("Ask the server without proxies and caches between."),
        HandshakeError::WrongSubprotocol(_) => {
            Diagnosis::new("wrong-subprotocol", "The server chose a subprotocol that was not offered.")
                .advise("Offer the one that it wants with -s NAME. The server is wrong all the same: RFC 6455, 4.2.2.")
        }
        HandshakeError::WrongExtension(_)
        | HandshakeError::Extensions(_)
        | HandshakeError::ExtensionUsedTwice(_)
        | HandshakeError::Compression(_) => {
            Diagnosis::new("wrong-extension", "The server wants an extension in a way that was not offered.").advise(
                "--no-compression offers none, so that the rest can be tried. The server is wrong all the same.",
            )
        }
        HandshakeError::HttpVersion(_) => Diagnosis::new(
            "http-1.0",
            "The answer came as HTTP/1.0, in which there is no upgrade: a proxy between speaks nothing newer.",
        )
        .advise("nginx does unless it is told otherwise: proxy_http_version 1.1."),
        _ => Diagnosis::new("wrong-answer", "The answer is 101, but it breaks RFC 6455, 4.2.2."),
    }
}

pub(super) fn no_http(error: &HeadError) -> Diagnosis {
    match error {
        HeadError::TooLarge { limit } => {
            Diagnosis::new("endless-answer", format!("The head of the answer is longer than {limit} bytes."))
                .advise_if(*limit < MAX_HEAD_SIZE, "Large cookies are a reason: --max-head-size 64KiB takes more.")
                .advise("Clients have limits, too: let the server send fewer or shorter headers.")
        }
        HeadError::TooManyHeaders { limit } => {
            Diagnosis::new("endless-answer", format!("The answer has more than {limit} header lines."))
                .advise("Clients have limits, too: let the server send fewer headers.")
        }
        HeadError::ControlByte(_) | HeadError::StartLine | HeadError::Version => {
            Diagnosis::new("not-http", "What answers at this port does not speak HTTP.")
                .advise("Check the port. If it speaks TLS, the URL begins with wss://.")
        }
        _ => Diagnosis::new("bad-http", "The answer is no proper HTTP."),
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
            Diagnosis::new("no-answer", format!("{} takes the connection, but does not answer in time.", facts.place))
                .advise(
                    "It may be overloaded, speak first and something else than HTTP, or wait for a service behind it.",
                )
                .advise_if(!facts.is_secure, "It may speak TLS: try wss://.")
                .advise("--connect-timeout gives it more time.")
        }
        false => Diagnosis::new("hung-up", format!("{} ends the connection instead of answering.", facts.place))
            .advise("Check the port: what is there may not speak HTTP, or be a proxy whose service is gone.")
            .advise_if(!facts.is_secure, "It may speak TLS: try wss://."),
    }
}
