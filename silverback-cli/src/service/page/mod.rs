//! The page of the echo service and of the hub: one HTML document with its style and script inside.
//! Which address serves it is the router's business.

use std::sync::LazyLock;

use data_encoding::BASE64;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};
use ring::digest::{SHA256, digest};

use crate::serving::{answers::response, site::Body};

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

/// The server behind the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    Echo,
    /// The page has a tab for its topics.
    Hub,
}

/// The page, put together on first use.
pub(crate) fn document(serves: Serves) -> &'static Document {
    static ECHO: LazyLock<Document> = LazyLock::new(|| assemble(Serves::Echo));
    static HUB: LazyLock<Document> = LazyLock::new(|| assemble(Serves::Hub));
    match serves {
        Serves::Echo => &ECHO,
        Serves::Hub => &HUB,
    }
}

/// The answer that shows the page.
pub(crate) fn answer(serves: Serves) -> Response<Body> {
    let document = document(serves);
    let headers: [(HeaderName, &'static str); 8] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, &document.content_security_policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        // These headers isolate the page in its own process, where browsers give it a timer with steps of 5 µs instead
        // of 100.
        (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
        // The page belongs to this version of the program, so a cached old page must not be used.
        (CACHE_CONTROL, "no-store"),
    ];
    let mut response = response(StatusCode::OK, document.html.as_bytes());
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
    response.headers_mut().extend(headers);
    response
}

fn assemble(serves: Serves) -> Document {
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
    let (name, about) = match serves {
        Serves::Echo => {
            ("echo", "Try the WebSocket echo service: send text and bytes, and see what comes back and how fast.")
        }
        Serves::Hub => ("hub", "Try the hub: join a topic, publish, and see who is there and what is recovered."),
    };
    let html = unix_lines(PAGE).replace("{{serves}}", name).replace("{{about}}", about);
    let html = html.replace("{{style}}", &style).replace("{{script}}", &script);
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

const STYLES: [&str; 4] =
    [include_str!("base.css"), include_str!("panels.css"), include_str!("log.css"), include_str!("hub.css")];

/// Joined in this order they make one module. Each script may use those before it while it loads.
const SCRIPTS: [&str; 19] = [
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
    include_str!("hub_client.js"),
    include_str!("hub_tab.js"),
    include_str!("tabs.js"),
    include_str!("main.js"),
];
