//! The page of the echo service: one HTML document with its style and script inside.
//! Which address serves it is the router's business.

use std::sync::LazyLock;

use data_encoding::BASE64;
use ring::digest::{SHA256, digest};

#[cfg(test)]
mod tests;

/// The page, and the header without which it must not be served.
#[derive(Debug)]
pub(crate) struct Document {
    /// The whole page. It needs no other resource.
    pub(crate) html: String,
    /// The value of `Content-Security-Policy`: only this very script and style may run,
    /// and only WebSockets may be opened.
    pub(crate) content_security_policy: String,
}

/// The page, put together on first use.
pub(crate) fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(assemble);
    &DOCUMENT
}

fn assemble() -> Document {
    let style = join(&STYLES);
    let script = join(&SCRIPTS);
    let content_security_policy = [
        "default-src 'none'".to_owned(),
        format!("script-src {}", hash_source(&script)),
        format!("style-src {}", hash_source(&style)),
        "connect-src 'self' ws: wss:".to_owned(),
        "img-src data:".to_owned(),
        "base-uri 'none'".to_owned(),
        "form-action 'none'".to_owned(),
        "frame-ancestors 'none'".to_owned(),
        // No string may become markup or code. An echoed message can only be a text node.
        "require-trusted-types-for 'script'".to_owned(),
        "trusted-types 'none'".to_owned(),
    ]
    .join("; ");
    let html = unix_lines(PAGE).replace("{{style}}", &style).replace("{{script}}", &script);
    Document { html, content_security_policy }
}

fn join(files: &[&str]) -> String {
    unix_lines(&files.join("\n"))
}

/// Browsers hash a script after its line ends became `\n`, so a checkout with `\r\n` must not change it.
fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn hash_source(content: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(digest(&SHA256, content.as_bytes()).as_ref()))
}

const PAGE: &str = include_str!("echo_display.html");

const STYLES: [&str; 3] = [include_str!("base.css"), include_str!("panels.css"), include_str!("log.css")];

/// Joined in this order they make one module. Each script may use those before it while it loads.
const SCRIPTS: [&str; 16] = [
    include_str!("dom.js"),
    include_str!("remembered.js"),
    include_str!("codec.js"),
    include_str!("close_codes.js"),
    include_str!("connection.js"),
    include_str!("versions.js"),
    include_str!("refusal.js"),
    include_str!("round_trips.js"),
    include_str!("log.js"),
    include_str!("log_row.js"),
    include_str!("log_view.js"),
    include_str!("composer.js"),
    include_str!("latency.js"),
    include_str!("status.js"),
    include_str!("layout.js"),
    include_str!("main.js"),
];
