//! What goes wrong after the handshake.

use std::time::Duration;

use silverback::CloseCode;

use crate::{
    check::{
        conversation::{Closing, Conversation, Echo, Reply, close_words},
        finding::Diagnosis,
    },
    error::Error,
};

/// Explains the problem of an open connection, and returns its exit code.
pub(in crate::check) fn of_conversation(talk: &Conversation, wait: Duration) -> (Option<Diagnosis>, Option<Error>) {
    if let Reply::NoneWithin(wait) = talk.ping {
        let diagnosis = Diagnosis::new("no-pong", "The server does not answer pings, as RFC 6455, 5.5.2 requires.")
            .advise("Clients that check their connections will consider it dead. Use --wait to give it more time.");
        return (Some(diagnosis), Some(Error::Timeout(format!("no pong came within {wait:?}"))));
    }
    match &talk.close {
        Closing::ByUs { code, .. } if IN_ORDER.contains(code) => (None, None),
        Closing::ByUs { code, .. } => {
            let words = format!("the server answered the close with {code}");
            let diagnosis = Diagnosis::new("odd-close", "The server answers the close with another code.");
            (Some(diagnosis), Some(Error::Closed(words)))
        }
        Closing::ByServer(info) if IN_ORDER.contains(&info.code) => (None, None),
        Closing::ByServer(info) => {
            let words = format!("the server closed the connection with {}", close_words(info));
            (Some(closed(info.code, talk)), Some(Error::Closed(words)))
        }
        Closing::Failed(error) => failed(error, talk, wait),
    }
}

fn closed(code: CloseCode, talk: &Conversation) -> Diagnosis {
    let is_after_text = talk.ping != Reply::Untold && talk.echo == Echo::Untold;
    let meaning = match code.get() {
        1008 => "The server closes the connection because of its policy, often because a login is missing.",
        1002 | 1003 | 1007 => "The server does not understand the messages sent to it.",
        1011 => "The server had an internal error.",
        1012 | 1013 => "The server restarts, or is too busy, and asks to try again later.",
        1014 => "A proxy in between gets no valid answer from the service behind it.",
        _ => "The server closes the connection with its own code.",
    };
    Diagnosis::new("closed", meaning)
        .advise_if(is_after_text, "It did so after a text was sent. Use --no-echo to send none.")
        .advise_if(code.get() == 1008, "See --user, --bearer, -H and --origin.")
}

fn failed(error: &silverback::Error, talk: &Conversation, wait: Duration) -> (Option<Diagnosis>, Option<Error>) {
    let is_after_text = talk.ping != Reply::Untold && talk.echo == Echo::Untold;
    let text = error.to_string();
    let (diagnosis, error) = match error {
        error if error.is_timeout() => (
            Diagnosis::new("no-close", format!("The server did not answer the close within {wait:?}."))
                .advise("It may not read from the connection, or not do the closing handshake (RFC 6455, 7.1.2)."),
            Error::Timeout(text),
        ),
        silverback::Error::Protocol(_) => (
            Diagnosis::new("broken-frames", "The server breaks the rules for frames after the handshake.")
                .advise("If the error is about compression (reserved bits, inflating), use --no-compression."),
            Error::Protocol(text),
        ),
        silverback::Error::Limit(_) => {
            (Diagnosis::new("too-large", "The server exceeds a limit of this client."), Error::Protocol(text))
        }
        _ => (
            Diagnosis::new("lost", "The connection was cut without a close, by the server or something in between.")
                .advise_if(is_after_text, "It happened after a text was sent. Use --no-echo to send none.")
                .advise("A proxy that passes on the handshake but no frames also looks like this."),
            Error::Closed(format!("the connection was lost: {text}")),
        ),
    };
    (Some(diagnosis), Some(error))
}

/// A server that says no more than this has done nothing wrong.
const IN_ORDER: [CloseCode; 3] = [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NO_STATUS];
