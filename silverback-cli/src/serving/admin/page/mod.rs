//! The page for operators: one HTML document with its style and script inside.

use std::sync::LazyLock;

use data_encoding::BASE64;
use ring::digest::{SHA256, digest};

/// The page, and the header without which it must not be served.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) html: String,
    /// Only this very script and style may run, and only this listener may be asked.
    pub(super) content_security_policy: String,
}

/// The page, put together on first use.
pub(super) fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(assemble);
    &DOCUMENT
}

fn assemble() -> Document {
    // Browsers hash a script after its line ends became `\n`, so a checkout with `\r\n` must not change it.
    let [page, style, script] = [PAGE, STYLE, SCRIPT].map(|text| text.replace("\r\n", "\n"));
    let content_security_policy = [
        "default-src 'none'",
        &format!("script-src {}", hash_source(&script)),
        &format!("style-src {}", hash_source(&style)),
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        // Paths and reasons come from clients. No string may become markup or code.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
    .join("; ");
    let html = page.replace("{{style}}", &style).replace("{{script}}", &script);
    Document { html, content_security_policy }
}

fn hash_source(content: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(digest(&SHA256, content.as_bytes()).as_ref()))
}

const PAGE: &str = include_str!("admin.html");
const STYLE: &str = include_str!("admin.css");
const SCRIPT: &str = include_str!("admin.js");
