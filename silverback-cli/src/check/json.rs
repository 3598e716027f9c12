//! The report as one JSON object. Times are in milliseconds. Fields that do not apply are null or left out.

use std::time::Duration;

use http::Version;
use serde_json::{Value, json};

use super::{
    certificate::Certificate,
    conversation::{Closing, Conversation, Echo, Reply},
    finding::Diagnosis,
    report::{Report, Security, Step, Trust, What, is_open},
    versions::{Offered, Outcome, name},
};
use crate::printable::printable_json;

/// Returns the object with a final line break.
pub(super) fn text(report: &Report) -> String {
    let object = json!({
        "url": report.url,
        "ok": report.error.is_none(),
        "exit_code": report.error.as_ref().map_or(0, crate::error::Error::code),
        "error": report.error.as_ref().map(ToString::to_string),
        "total_ms": millis(report.total),
        "steps": report.steps.iter().map(step).collect::<Vec<_>>(),
        "versions": report.versions.iter().map(version).collect::<Vec<_>>(),
        "ping": report.conversation.as_ref().map(ping),
        "echo": report.conversation.as_ref().map(echo),
        "close": report.conversation.as_ref().map(close),
        "unasked_messages": report.conversation.as_ref().map(|talk| talk.unasked),
        "notes": report.notes,
        "diagnosis": report.diagnosis.as_ref().map(diagnosis),
    });
    printable_json(format!("{object:#}\n"))
}

fn step(step: &Step) -> Value {
    let mut object = match &step.what {
        What::Resolved { host, addresses } => {
            let list: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
            json!({ "step": "resolve", "ok": true, "host": host, "addresses": list })
        }
        What::Unreachable { address, why } => {
            json!({ "step": "connect", "ok": false, "address": address.to_string(), "error": why })
        }
        What::Connected { target, address } => {
            let address = address.map(|address| address.to_string());
            json!({ "step": "connect", "ok": true, "target": target, "address": address })
        }
        What::Proxied { proxy } => json!({ "step": "proxy", "ok": true, "proxy": proxy }),
        What::Secured(security) => tls(security),
        What::Settings { version, takes_websockets } => {
            json!({ "step": "settings", "ok": takes_websockets, "http_version": name(*version) })
        }
        What::FellBack => json!({ "step": "fallback", "ok": true, "http_version": name(Version::HTTP_11) }),
        What::Answered { version, status, headers, agreed } => json!({
            "step": "handshake",
            "ok": is_open(*version, *status),
            "http_version": name(*version),
            "status": status.as_u16(),
            "subprotocol": agreed.subprotocol,
            "extensions": agreed.extensions,
            "headers": headers,
        }),
        What::Redirected { to } => json!({ "step": "redirect", "ok": true, "to": to }),
        What::Failed { step, why } => json!({ "step": step, "ok": false, "error": why }),
    };
    object["ms"] = json!(millis(step.took));
    object
}

fn version(offered: &Offered) -> Value {
    let mut object = json!({ "version": name(offered.version), "websocket": null });
    match &offered.outcome {
        Outcome::Yes(took) => {
            object["websocket"] = true.into();
            object["ms"] = json!(took.map(millis));
        }
        Outcome::No(why) => {
            object["websocket"] = false.into();
            object["error"] = why.as_str().into();
        }
        Outcome::Unknown(why) => object["error"] = (*why).into(),
    }
    object
}

fn tls(security: &Security) -> Value {
    json!({
        "step": "tls",
        "ok": security.trust != Trust::Refused,
        "target": security.target,
        "version": security.version,
        "cipher_suite": security.cipher_suite,
        "alpn": security.alpn,
        "verified": security.trust == Trust::Verified,
        "certificates": security.chain,
        "certificate": security.certificate.as_ref().map(certificate),
    })
}

fn certificate(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "self_signed": certificate.is_self_signed,
        "names": certificate.names,
        "not_before": certificate.not_before.0,
        "not_after": certificate.not_after.0,
        "days_left": certificate.days_left,
    })
}

fn ping(talk: &Conversation) -> Value {
    match talk.ping {
        Reply::Untold => json!({ "answered": null }),
        Reply::After(took) => json!({ "answered": true, "ms": millis(took) }),
        Reply::NoneWithin(_) => json!({ "answered": false }),
    }
}

fn echo(talk: &Conversation) -> Value {
    match talk.echo {
        Echo::Skipped | Echo::Untold => json!({ "echoes": null }),
        Echo::Same(took) => json!({ "echoes": true, "ms": millis(took) }),
        Echo::Within(took) => json!({ "echoes": false, "within_another_message": true, "ms": millis(took) }),
        Echo::None(_) => json!({ "echoes": false }),
    }
}

fn close(talk: &Conversation) -> Value {
    match &talk.close {
        Closing::ByUs { code, took } => json!({ "by": "client", "code": code.get(), "ms": millis(*took) }),
        Closing::ByServer(info) => json!({ "by": "server", "code": info.code.get(), "reason": info.reason }),
        Closing::Failed(error) => json!({ "by": null, "error": error.to_string() }),
    }
}

fn diagnosis(diagnosis: &Diagnosis) -> Value {
    json!({ "cause": diagnosis.cause, "meaning": diagnosis.meaning, "advice": diagnosis.advice })
}

/// To the microsecond.
fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}
