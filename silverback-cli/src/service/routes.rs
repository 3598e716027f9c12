//! The addresses of the service: the page, the echo under `/ws`, and the sign of life.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{any, get},
};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};
use silverback::Upgrader;
use silverback_axum::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};

use super::{
    echo::{self, Echo},
    open_connections::OpenConnections,
    page,
    printer::Printer,
};

/// Who sent a request. Every request has it among its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What the routes work with.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) open: Arc<OpenConnections>,
    pub(crate) printer: Printer,
}

/// What one worker serves.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) router: Router,
    pub(crate) service: Service,
    pub(crate) upgrader: Upgrader,
}

/// The routes of one worker.
pub(crate) fn router(service: Service, upgrader: Upgrader) -> Arc<Routes> {
    let echo = any(echo).layer(Extension(upgrader.clone()));
    let ws = Router::new().route("/echo", echo).route("/echo_display", get(display));
    let router = Router::new()
        .nest("/ws", ws)
        .route("/", get(|| async { Redirect::temporary("/ws/echo_display") }))
        .route("/healthz", get(|| async { text(StatusCode::OK, "ok") }))
        .fallback(|| async { text(StatusCode::NOT_FOUND, NOT_FOUND) })
        .with_state(service.clone());
    Arc::new(Routes { router, service, upgrader })
}

async fn echo(
    State(service): State<Service>,
    Extension(Peer(peer)): Extension<Peer>,
    handshake: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let mut handshake = match handshake {
        Ok(handshake) => handshake,
        Err(rejection) => return refuse(rejection),
    };
    // An echo speaks whatever it is spoken to in. Browsers give up where none of theirs is agreed on.
    let first = handshake.requested_protocols().next().cloned();
    if let Some(first) = first {
        handshake.set_selected_protocol(first);
    }
    // Counted from now on: the request is about to end, and the connection has not begun.
    let presence = service.open.enter();
    handshake.on_upgrade(move |socket| {
        let conn = socket.into_inner();
        echo::serve(Echo { conn, presence, peer, printer: service.printer, waiting: None })
    })
}

/// Says why, and to a plain visit also what this address is.
fn refuse(rejection: WebSocketUpgradeRejection) -> Response {
    if rejection.status() != StatusCode::UPGRADE_REQUIRED {
        return rejection.into_response();
    }
    let body = format!("{}\n{WHAT_THIS_IS}", rejection.body_text());
    let (head, _) = rejection.into_response().into_parts();
    Response::from_parts(head, Body::from(body))
}

async fn display() -> Response {
    let document = page::document();
    let headers: [(HeaderName, &str); 8] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, &document.content_security_policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        // Alone in its process, the page may measure round trips in steps of 5 µs and not of 100.
        (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
        // The page belongs to the program that serves it: an old one must not talk to a new one.
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, document.html.as_str()).into_response()
}

fn text(status: StatusCode, body: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

const NOT_FOUND: &str = "\
There is nothing at this address. What there is:
/ws/echo_display  a page to try the echo
/ws/echo          the echo, for WebSocket clients
/healthz          a sign of life
";

const WHAT_THIS_IS: &str = "\
It echoes: every message that is sent comes back as it was.
To try it in a browser, open /ws/echo_display instead.
";
