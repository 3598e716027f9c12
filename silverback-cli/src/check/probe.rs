//! Runs the test: the dial, the conversation, and the diagnosis.

use std::time::{Duration, Instant, SystemTime};

use silverback::{DialError, dial::DialStep, proto::handshake::ClientRequest};

use super::diagnosis::notes::notes;
use super::diagnosis::talk::of_conversation;
use super::diagnosis::tls::has_no_common_protocol;
use super::{
    args::Args,
    conversation,
    diagnosis::{self, facts::Facts},
    own_page,
    reason::reason,
    report::{Agreed, Report, Security, Step, Trust, What, interesting},
    second_look::{SecondLook, certificate_error, look_again},
    trace::{Seen, Trace},
    versions,
};
use crate::{
    dialing::{errors::dial_error, shown::shown_url},
    error::Error,
    printable::printable,
};

/// Takes each step, as far as it leads. An error is for what makes no sense; all else is in the report.
pub(super) async fn probe(args: &Args) -> Result<Report, Error> {
    let destination = args.dial.destination()?;
    let url = destination.url;
    let to = ClientRequest::parse(&url)
        .map_err(|error| Error::Usage(format!("{}: {error}", printable(&shown_url(&url)))))?;
    let trace = Trace::start();
    let dialer = destination.dialer.compression(args.offer.compression());
    let dialer = dialer.adjust_config(|config| config.ping_interval(None).close_timeout(args.wait)).observer({
        let trace = trace.clone();
        move |event| trace.note(event)
    });
    let began = Instant::now();
    let dialed = dialer.dial(&url).await;
    let lacks_protocol = dialed.as_ref().is_err_and(has_no_common_protocol);
    let mut report = match dialed {
        Ok(conn) => {
            let conversation = conversation::talk(conn, args.wait, !args.no_echo).await;
            let (diagnosis, error) = of_conversation(&conversation, args.wait);
            Report { conversation: Some(conversation), diagnosis, error, ..Report::empty(&url, steps(&trace)) }
        }
        Err(error) if error.is_misuse() => return Err(dial_error(&error)),
        Err(error) => failed(args, &to, &url, &trace, &error).await,
    };
    report.total = began.elapsed();
    report.versions = match lacks_protocol || has_tls(&trace) {
        true => versions::look(args, &url, &to, &trace.seen(), report.error.is_none()).await,
        false => Vec::new(),
    };
    report.notes = notes(&report);
    if report.error.is_none() {
        report.notes.extend(own_page::look(args, &url, &to, &trace.seen()).await);
    }
    Ok(report)
}

/// Whether a server was reached with TLS.
fn has_tls(trace: &Trace) -> bool {
    trace.seen().iter().any(|seen| matches!(seen, Seen::Secured { .. }))
}

/// The report of a failed dial.
async fn failed(args: &Args, to: &ClientRequest, url: &str, trace: &Trace, error: &DialError) -> Report {
    let took = trace.current_step_took();
    let place = Place::of(to, &trace.seen(), error);
    let over_tcp = certificate_error(&args.dial, url, error).await;
    let known = over_tcp.as_ref().unwrap_or(error);
    let look = look_again(&args.dial, &place.name, place.is_secure, known).await;
    let mut steps = steps(trace);
    let SecondLook { session, speaks_the_other } = look;
    let own_certificate = session.as_ref().and_then(|(session, _)| session.peer_certificates.first());
    let is_named = own_certificate.is_some_and(|certificate| args.dial.names_certificate(certificate));
    if let Some(step) = failed_step(error) {
        steps.push(Step { took, what: What::Failed { step, why: printable(&reason(error)) } });
    }
    if let Some((session, took)) = session {
        let security = Security::new(&place.name, &session, Trust::Refused, SystemTime::now());
        steps.push(Step { took, what: What::Secured(security) });
    }
    let security = steps.iter().rev().find_map(|step| match &step.what {
        What::Secured(security) if security.target == place.name => Some(security.clone()),
        _ => None,
    });
    let target = shown_url(to.target().as_str());
    let facts = Facts {
        options: &args.dial,
        place: &place.name,
        is_secure: place.is_secure,
        target: &target,
        security: security.as_ref(),
        is_named,
        speaks_the_other,
    };
    let diagnosis = Some(diagnosis::of_dial(known, &facts));
    Report { diagnosis, error: Some(dial_error(error)), ..Report::empty(url, steps) }
}

/// The server that was asked last: redirects lead elsewhere.
struct Place {
    name: String,
    is_secure: bool,
}

impl Place {
    fn of(to: &ClientRequest, seen: &[Seen], error: &DialError) -> Self {
        let last = seen.iter().rposition(|seen| matches!(seen, Seen::Redirected { .. }));
        match last.map(|at| (at, &seen[at])) {
            Some((at, Seen::Redirected { to })) => {
                let is_secured = seen[at..].iter().any(|seen| matches!(seen, Seen::Secured { .. }));
                Self { name: to.clone(), is_secure: is_secured || error.step() == Some(DialStep::Tls) }
            }
            _ => Self { name: format!("{}:{}", to.host(), to.port()), is_secure: to.is_secure() },
        }
    }
}

fn steps(trace: &Trace) -> Vec<Step> {
    trace.seen().into_iter().map(Step::from).collect()
}

impl From<Seen> for Step {
    fn from(seen: Seen) -> Self {
        let (took, what) = match seen {
            Seen::Resolved { host, addresses, took } => (took, What::Resolved { host, addresses }),
            Seen::Unreachable { address, why, took } => (took, What::Unreachable { address, why }),
            Seen::Connected { target, address, took } => (took, What::Connected { target, address }),
            Seen::Proxied { proxy, took } => (took, What::Proxied { proxy }),
            Seen::Secured { target, session, took } => {
                let trust = if session.certificate_unchecked { Trust::Unchecked } else { Trust::Verified };
                (took, What::Secured(Security::new(&target, &session, trust, SystemTime::now())))
            }
            Seen::Settings { version, takes_websockets, took } => (took, What::Settings { version, takes_websockets }),
            Seen::FellBack => (Duration::ZERO, What::FellBack),
            Seen::Answered { version, status, headers, took } => {
                let agreed = Agreed::from(&headers);
                (took, What::Answered { version, status, headers: interesting(&headers), agreed })
            }
            Seen::Redirected { to } => (Duration::ZERO, What::Redirected { to }),
        };
        Self { took, what }
    }
}

/// Returns the failed step, unless the trace already shows it: a status other than 101, or addresses that refuse the
/// connection.
fn failed_step(error: &DialError) -> Option<&'static str> {
    match error {
        DialError::Refused { .. } => return None,
        error if !error.attempts().is_empty() => return None,
        _ => {}
    }
    error.step().map(|step| match step {
        DialStep::Resolve => "resolve",
        DialStep::Connect => "connect",
        DialStep::Proxy => "proxy",
        DialStep::Tls => "tls",
        _ => "handshake",
    })
}
