//! A second connection, if the first one leaves a question open: which certificate was refused, or whether the port
//! speaks TLS or plain HTTP. The server is not authenticated, so this connection only asks for `/` and sends no
//! secrets.

use std::{sync::Arc, time::Duration};

use silverback::{
    DialError,
    dial::{DialEvent, DialStep, HttpVersion, TlsSession},
};
use tokio::{sync::Notify, time::timeout};

use super::{
    diagnosis::tls::{certificate_fault, has_answered},
    trace::{Seen, Trace},
};
use crate::dialing::options::DialOptions;

/// The findings of the second connection.
#[derive(Clone, Debug, Default)]
pub(super) struct SecondLook {
    /// The TLS session that is to be had if any certificate will do.
    pub(super) session: Option<(TlsSession, Duration)>,
    /// The port speaks TLS though the URL does not, or the other way round.
    pub(super) speaks_the_other: bool,
}

/// Looks, if there is a question. `place` is the server's `host:port`.
pub(super) async fn look_again(options: &DialOptions, place: &str, is_secure: bool, error: &DialError) -> SecondLook {
    match question(place, is_secure, error) {
        Some(Question::WhoIsIt) => SecondLook { session: session(options, place).await, ..SecondLook::default() },
        Some(Question::IsItPlain) if options.http3 => SecondLook::default(),
        Some(Question::IsItPlain) => {
            let seen = look(options, &format!("ws://{place}/"), place).await;
            let speaks_the_other = seen.iter().any(|seen| matches!(seen, Seen::Answered { .. }));
            SecondLook { session: None, speaks_the_other }
        }
        Some(Question::IsItTls) => {
            SecondLook { speaks_the_other: session(options, place).await.is_some(), ..SecondLook::default() }
        }
        None => SecondLook::default(),
    }
}

/// Returns the fault of the certificate over TCP. QUIC reports only that there is one.
pub(super) async fn certificate_error(options: &DialOptions, url: &str, error: &DialError) -> Option<DialError> {
    if !options.http3 || error.step() != Some(DialStep::Tls) {
        return None;
    }
    let dialer = options.destination().ok()?.dialer.http_version(HttpVersion::Http1);
    let error = timeout(PATIENCE, dialer.dial(url)).await.ok()?.err()?;
    certificate_fault(&error).is_some().then_some(error)
}

enum Question {
    WhoIsIt,
    IsItPlain,
    IsItTls,
}

fn question(place: &str, is_secure: bool, error: &DialError) -> Option<Question> {
    let is_the_servers = error.target().is_none_or(|target| target == place);
    match error.step()? {
        DialStep::Tls if !is_the_servers => None,
        DialStep::Tls if certificate_fault(error).is_some() => Some(Question::WhoIsIt),
        DialStep::Tls if has_answered(error) => None,
        DialStep::Tls => Some(Question::IsItPlain),
        DialStep::Handshake if !is_secure => match error {
            DialError::Head { .. } | DialError::Io { .. } => Some(Question::IsItTls),
            DialError::Refused { refusal, .. } if refusal.status == http::StatusCode::BAD_REQUEST => {
                Some(Question::IsItTls)
            }
            _ => None,
        },
        _ => None,
    }
}

async fn session(options: &DialOptions, place: &str) -> Option<(TlsSession, Duration)> {
    let seen = look(options, &format!("wss://{place}/"), place).await;
    seen.into_iter().find_map(|seen| match seen {
        Seen::Secured { target, session, took } if target == place => Some((session, took)),
        _ => None,
    })
}

/// Connects, and continues until TLS is established or an answer has arrived.
async fn look(options: &DialOptions, url: &str, place: &str) -> Vec<Seen> {
    // Invalid options were reported earlier.
    let Ok(dialer) = options.dialer_to_look() else { return Vec::new() };
    let (trace, enough) = (Trace::start(), Arc::new(Notify::new()));
    let dialer = dialer.observer({
        let (trace, enough, place) = (trace.clone(), enough.clone(), place.to_owned());
        move |event| {
            trace.note(event);
            let is_enough = match event {
                DialEvent::TlsEstablished { target, .. } => *target == place,
                DialEvent::Answered { .. } => true,
                _ => false,
            };
            if is_enough {
                enough.notify_one();
            }
        }
    });
    let looking = async {
        tokio::select! {
            _ = dialer.dial(url) => {}
            () = enough.notified() => {}
        }
    };
    // Late answers are none: the question stays open.
    let _ = timeout(PATIENCE, looking).await;
    trace.seen()
}

const PATIENCE: Duration = Duration::from_secs(3);
