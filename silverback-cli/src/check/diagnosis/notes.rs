//! Observations worth knowing, whether or not something is wrong.

use crate::check::{
    conversation::{Closing, Conversation},
    report::{Report, Trust, What},
};

pub(in crate::check) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let is_connected = report.steps.iter().any(|step| matches!(step.what, What::Connected { .. }));
    for step in &report.steps {
        match &step.what {
            What::Unreachable { address, .. } if is_connected => notes.push(format!(
                "{address} cannot be reached: clients that try one address after the other lose time on it."
            )),
            What::Secured(security) => {
                if security.trust == Trust::Unchecked {
                    notes.push("The certificate was not verified, so the server may be an impostor.".to_owned());
                }
                let days = security.certificate.as_ref().map(|certificate| certificate.days_left);
                if let Some(days @ 0..SOON) = days {
                    notes.push(format!("The certificate expires in {days} days."));
                }
                if security.certificate.as_ref().is_some_and(|it| it.has_expired()) && security.trust != Trust::Refused
                {
                    notes.push("The certificate has expired.".to_owned());
                }
            }
            _ => {}
        }
    }
    if let Some(Conversation { close: Closing::ByServer(_), .. }) = report.conversation {
        notes.push("The server closed the connection first.".to_owned());
    }
    notes
}

/// Certificates that are renewed by programs have a month left when they are.
const SOON: i64 = 15;
