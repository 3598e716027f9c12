//! The outcome in lines for people.

use std::{fmt::Write, time::Duration};

use http::Version;
use silverback::CloseCode;

use super::{
    certificate::Certificate,
    conversation::{Closing, Conversation, Echo, Reply, close_words},
    finding::Diagnosis,
    report::{Agreed, Report, Security, Step, Trust, What, is_open},
    versions::{Offered, Outcome, name},
};
use crate::printable::printable;

/// All of it.
pub(super) fn text(report: &Report, has_colours: bool) -> String {
    let mut page = Page { out: String::new(), has_colours };
    let _ = writeln!(page.out, "{}", printable(&report.url));
    report.steps.iter().for_each(|step| page.step(step));
    if let Some(conversation) = &report.conversation {
        page.conversation(conversation);
    }
    report.versions.iter().for_each(|offered| page.version(offered));
    page.row("total", Some(report.total), Look::Plain, "");
    page.out.push('\n');
    report.notes.iter().for_each(|note| page.paragraph("Note", Look::Caution, note));
    match &report.diagnosis {
        Some(diagnosis) => page.diagnosis(diagnosis),
        None => page.paragraph("Result", Look::Good, "All is well."),
    }
    page.out
}

struct Page {
    out: String,
    has_colours: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Plain,
    Dim,
    Good,
    Caution,
    Bad,
}

impl Page {
    /// A name, a time and a text, each in its column.
    fn row(&mut self, name: &str, took: Option<Duration>, look: Look, text: &str) {
        let time = took.map_or_else(String::new, time);
        let text = self.paint(look, text);
        let line = format!("{name:<NAME_WIDTH$}{time:>TIME_WIDTH$}  {text}");
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// Something about the row before it.
    fn detail(&mut self, name: &str, look: Look, text: &str) {
        let width = NAME_WIDTH + TIME_WIDTH - 2;
        let (name, text) = (self.paint(Look::Dim, &format!("{name:<width$}")), self.paint(look, text));
        let _ = writeln!(self.out, "  {name}  {text}");
    }

    fn paragraph(&mut self, name: &str, look: Look, text: &str) {
        let mut name = self.paint(look, &format!("{name:<PARAGRAPH_INDENT$}"));
        for line in wrap(&printable(text), PAGE_WIDTH - PARAGRAPH_INDENT) {
            let _ = writeln!(self.out, "{name}{line}");
            name = " ".repeat(PARAGRAPH_INDENT);
        }
    }

    fn step(&mut self, step: &Step) {
        let took = Some(step.took);
        match &step.what {
            What::Resolved { host, addresses } => {
                let list: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
                self.row("resolve", took, Look::Plain, &format!("{host} is {}", list.join(", ")));
            }
            What::Unreachable { address, why } => {
                self.row("connect", took, Look::Bad, &format!("{address}: {why}"));
            }
            What::Connected { target, address } => {
                let whom = address.map_or_else(|| target.clone(), |address| address.to_string());
                self.row("connect", took, Look::Plain, &format!("connected to {whom}"));
            }
            What::Proxied { proxy } => {
                self.row("proxy", took, Look::Plain, &format!("connected through {proxy}"));
            }
            What::Secured(security) => self.security(security, step.took),
            What::Settings { version, takes_websockets } => {
                let (look, takes) =
                    if *takes_websockets { (Look::Plain, "takes") } else { (Look::Caution, "takes no") };
                self.row("settings", took, look, &format!("{takes} WebSockets over {}", name(*version)));
            }
            What::FellBack => self.row("fallback", None, Look::Caution, "to HTTP/1.1, on another connection"),
            What::Answered { version, status, headers, agreed } => {
                let is_open = is_open(*version, *status);
                let look = if is_open { Look::Plain } else { Look::Bad };
                let over = if *version == Version::HTTP_11 { "" } else { " over " };
                let named = if over.is_empty() { "" } else { name(*version) };
                self.row("handshake", took, look, &format!("{status}{over}{named}"));
                if is_open {
                    self.agreed(agreed);
                }
                headers.iter().for_each(|(name, value)| self.detail(name, Look::Plain, value));
            }
            What::Redirected { to } => self.row("redirect", None, Look::Plain, &format!("to {to}")),
            What::Failed { step, why } => self.row(step, took, Look::Bad, why),
        }
    }

    fn security(&mut self, security: &Security, took: Duration) {
        let mut parts: Vec<_> = [&security.version, &security.cipher_suite].into_iter().flatten().cloned().collect();
        parts.push(security.alpn.as_ref().map_or_else(|| "no ALPN".to_owned(), |name| format!("ALPN {name}")));
        // Otherwise the row of the first connection is already there.
        if security.trust != Trust::Refused {
            self.row("tls", Some(took), Look::Plain, &parts.join(", "));
        }
        let (look, trust) = match security.trust {
            Trust::Verified => (Look::Good, "verified"),
            Trust::Unchecked => (Look::Caution, "NOT verified, as --insecure asks"),
            Trust::Refused => (Look::Bad, "refused; inspected in a second connection"),
        };
        let certificates = match security.chain {
            1 => "1 certificate".to_owned(),
            count => format!("{count} certificates"),
        };
        self.detail("chain", look, &format!("{trust} ({certificates})"));
        match &security.certificate {
            Some(certificate) => self.certificate(certificate),
            None => self.detail("certificate", Look::Caution, "cannot be read"),
        }
    }

    fn certificate(&mut self, certificate: &Certificate) {
        self.detail("subject", Look::Plain, or_none(&certificate.subject));
        let by_itself = if certificate.is_self_signed { ", itself" } else { "" };
        self.detail("issuer", Look::Plain, &format!("{}{by_itself}", or_none(&certificate.issuer)));
        self.detail("names", Look::Plain, or_none(&certificate.names.join(", ")));
        let (look, left) = match certificate.days_left {
            _ if certificate.is_early => (Look::Bad, "not valid yet".to_owned()),
            -1 => (Look::Bad, "expired today".to_owned()),
            days @ ..-1 => (Look::Bad, format!("expired {} days ago", -1 - days)),
            days => (Look::Plain, format!("{days} days left")),
        };
        let text = format!("{} to {}, {left}", certificate.not_before.0, certificate.not_after.0);
        self.detail("valid", look, &text);
    }

    fn agreed(&mut self, agreed: &Agreed) {
        self.detail("subprotocol", Look::Plain, or_none(agreed.subprotocol.as_deref().unwrap_or_default()));
        self.detail("extensions", Look::Plain, or_none(agreed.extensions.as_deref().unwrap_or_default()));
    }

    fn conversation(&mut self, talk: &Conversation) {
        match talk.ping {
            Reply::Untold => {}
            Reply::After(took) => self.row("ping", Some(took), Look::Plain, "answered"),
            Reply::NoneWithin(wait) => self.row("ping", Some(wait), Look::Bad, "not answered"),
        }
        match talk.echo {
            Echo::Skipped | Echo::Untold => {}
            Echo::Same(took) => self.row("echo", Some(took), Look::Plain, "came back unchanged"),
            Echo::Within(took) => self.row("echo", Some(took), Look::Plain, "came back within another message"),
            Echo::None(wait) => self.row("echo", Some(wait), Look::Dim, "does not echo"),
        }
        if talk.unasked > 0 {
            let plural = if talk.unasked == 1 { "" } else { "s" };
            self.detail("messages", Look::Plain, &format!("{} message{plural} came unrequested", talk.unasked));
        }
        match &talk.close {
            Closing::ByUs { code, took } if *code == CloseCode::NORMAL => {
                self.row("close", Some(*took), Look::Plain, &format!("answered in order with {code}"));
            }
            Closing::ByUs { code, took } => {
                self.row("close", Some(*took), Look::Caution, &format!("answered with {code}"))
            }
            Closing::ByServer(info) => {
                self.row("close", None, Look::Caution, &format!("by the server, {}", close_words(info)));
            }
            Closing::Failed(error) => self.row("close", None, Look::Bad, &error.to_string()),
        }
    }

    fn version(&mut self, offered: &Offered) {
        let name = name(offered.version);
        match &offered.outcome {
            Outcome::Yes(took) => self.row(name, *took, Look::Plain, "takes WebSockets"),
            Outcome::No(why) => self.row(name, None, Look::Dim, &format!("no WebSockets: {why}")),
            Outcome::Unknown(why) => self.row(name, None, Look::Dim, &format!("not tried: {why}")),
        }
    }

    fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        self.paragraph("Problem", Look::Bad, &diagnosis.meaning);
        diagnosis.advice.iter().for_each(|advice| self.paragraph("Try", Look::Good, advice));
    }

    /// The text on one line, without anything that a terminal would act on, in the colour of its look.
    fn paint(&self, look: Look, text: &str) -> String {
        let text = printable(text);
        let colour = match look {
            Look::Plain => return text,
            Look::Dim => "2",
            Look::Good => "32",
            Look::Caution => "33",
            Look::Bad => "31",
        };
        if self.has_colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text }
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn time(took: Duration) -> String {
    match took.as_secs_f64() * 1e3 {
        millis if millis < 10_000.0 => format!("{millis:.1} ms"),
        millis => format!("{:.1} s", millis / 1e3),
    }
}

/// Splits a text into lines of at most `width` characters. Longer words get a line each.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.len() - 1;
        let len = lines[line].chars().count();
        if len > 0 && len + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
            continue;
        }
        if len > 0 {
            lines[line].push(' ');
        }
        lines[line].push_str(word);
    }
    lines
}

const NAME_WIDTH: usize = 10;
const TIME_WIDTH: usize = 10;
const PARAGRAPH_INDENT: usize = 9;
const PAGE_WIDTH: usize = 100;
