//! What goes wrong after the handshake.

use std::time::Duration;

use silverback::{CloseCode, Error};

use crate::{
    check::{
        conversation::{Closing, Conversation, Echo, Reply, close_words},
        finding::Diagnosis,
    },
    trouble::Trouble,
};

/// What is wrong with a connection that stood, and the exit code that goes with it.
pub(in crate::check) fn of_conversation(talk: &Conversation, wait: Duration) -> (Option<Diagnosis>, Option<Trouble>) {
    if let Reply::NoneWithin(wait) = talk.ping {
        let diagnosis = Diagnosis::new("no-pong", "The server does not answer pings, as RFC 6455, 5.5.2 says it must.")
            .advise("Clients that look after their connections will take it for dead. --wait gives it more time.");
        return (Some(diagnosis), Some(Trouble::Timeout(format!("no pong came within {wait:?}"))));
    }
    match &talk.close {
        Closing::ByUs { code, .. } if IN_ORDER.contains(code) => (None, None),
        Closing::ByUs { code, .. } => {
            let words = format!("the server answered the close with {code}");
            let diagnosis = Diagnosis::new("odd-close", "The server answers our close with a code of its own.");
            (Some(diagnosis), Some(Trouble::Closed(words)))
        }
        Closing::ByServer(info) if IN_ORDER.contains(&info.code) => (None, None),
        Closing::ByServer(info) => {
            let words = format!("the server closed the connection with {}", close_words(info));
            (Some(closed(info.code, talk)), Some(Trouble::Closed(words)))
        }
        Closing::Failed(error) => failed(error, talk, wait),
    }
}

fn closed(code: CloseCode, talk: &Conversation) -> Diagnosis {
    let is_after_text = talk.ping != Reply::Untold && talk.echo == Echo::Untold;
    let meaning = match code.get() {
        1008 => "The server ends the connection because of a rule of its own: often for want of a login.",
        1002 | 1003 | 1007 => "The server does not understand what it was sent.",
        1011 => "The server met an error of its own.",
        1012 | 1013 => "The server restarts, or is too busy, and asks to come back later.",
        1014 => "A proxy between gets no proper answer from the service behind it.",
        _ => "The server ends the connection, with a code that only it knows the meaning of.",
    };
    Diagnosis::new("closed", meaning)
        .advise_if(is_after_text, "It did so after a text was sent: --no-echo sends none.")
        .advise_if(code.get() == 1008, "See --user, --bearer, -H and --origin.")
}

fn failed(error: &Error, talk: &Conversation, wait: Duration) -> (Option<Diagnosis>, Option<Trouble>) {
    let is_after_text = talk.ping != Reply::Untold && talk.echo == Echo::Untold;
    let text = error.to_string();
    let (diagnosis, trouble) = match error {
        error if error.is_timeout() => (
            Diagnosis::new("no-close", format!("The server did not answer the close within {wait:?}."))
                .advise("It may not read its connection, or not do the closing handshake (RFC 6455, 7.1.2)."),
            Trouble::Timeout(text),
        ),
        Error::Protocol(_) => (
            Diagnosis::new("broken-frames", "The server breaks the rules for frames after the handshake.")
                .advise("If it is about compression (reserved bits, inflating): --no-compression goes without."),
            Trouble::Protocol(text),
        ),
        Error::Limit(_) => {
            (Diagnosis::new("too-large", "The server sends more than is accepted here."), Trouble::Protocol(text))
        }
        _ => (
            Diagnosis::new("lost", "The connection was cut without a close: by the server, or by something between.")
                .advise_if(is_after_text, "That was after a text was sent: --no-echo sends none.")
                .advise("A proxy that hands the handshake on, but not what follows it, looks like this too."),
            Trouble::Closed(format!("the connection was lost: {text}")),
        ),
    };
    (Some(diagnosis), Some(trouble))
}

/// A server that says no more than this has done nothing wrong.
const IN_ORDER: [CloseCode; 3] = [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NO_STATUS];
