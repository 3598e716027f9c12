//! A connection over HTTP/2 or HTTP/3: many requests, of which some become WebSockets. The library reads the requests, and
//! the routes answer them as over HTTP/1.1.

use std::{future::Future, io::ErrorKind};

use bytes::Bytes;
use http::{Response, StatusCode};
use silverback::{Http2Server, Http3Server, StreamRequest, UpgradeError};
use tokio::time::timeout;

use crate::serving::{
    answers::{BODY_TOO_LARGE, LATE_BODY, text},
    context::{self, ANSWER_FACTOR, Http, date, for_opening},
    open_connections::{Presence, Shared},
    routes::{Answer, Upgrading},
    site::Body,
    sockets::Socket,
};

/// The library's server of one connection.
pub(super) trait Server: Send + 'static {
    /// As [`Http2Server::next_request`].
    fn next_request(&mut self) -> impl Future<Output = Option<Result<StreamRequest, UpgradeError>>> + Send;
    /// As [`Http2Server::shut_down`].
    fn shut_down(&mut self);
}

impl Server for Http2Server {
    async fn next_request(&mut self) -> Option<Result<StreamRequest, UpgradeError>> {
        self.next_request().await
    }

    fn shut_down(&mut self) {
        self.shut_down();
    }
}

impl Server for Http3Server {
    async fn next_request(&mut self) -> Option<Result<StreamRequest, UpgradeError>> {
        self.next_request().await
    }

    fn shut_down(&mut self) {
        self.shut_down();
    }
}

/// Serves a connection until it has ended.
pub(super) async fn serve(mut server: impl Server, socket: Socket, presence: Presence, http: Http) {
    let shared = Shared::new(presence);
    let mut is_closing = false;
    loop {
        let next = tokio::select! {
            next = server.next_request() => next,
            () = http.open.closing(), if !is_closing => {
                is_closing = true;
                server.shut_down();
                continue;
            }
        };
        match next {
            Some(Ok(request)) => {
                tokio::spawn(answer(request, socket, shared.enter(), http.clone()));
            }
            // The client broke a rule, or the network failed. The server ends the stream or the connection.
            Some(Err(_)) => {}
            None => break,
        }
    }
    shared.end();
}

async fn answer(mut request: StreamRequest, socket: Socket, presence: Presence, http: Http) {
    let response = match http.routes.answer(request.request(), || request.handshake(), socket) {
        Answer::Upgrade(upgrading) => {
            let Upgrading { handshake, place, opening } = *upgrading;
            let upgrader = for_opening(&http.routes.upgrader, &opening);
            // A client that is refused here gets the reason.
            let Ok(conn) = request.accept_handshake(&upgrader, handshake).await else { return };
            return context::begin(conn, presence, place, opening);
        }
        Answer::Call { limit } => match timeout(http.handshake_timeout, request.read_body(limit)).await {
            Ok(Ok(body)) => http.routes.site.call(request.request().clone().map(|()| body)).await,
            Ok(Err(error)) if error.kind() == ErrorKind::FileTooLarge => {
                text(StatusCode::PAYLOAD_TOO_LARGE, BODY_TOO_LARGE.as_bytes())
            }
            Ok(Err(_)) => return,
            Err(_) => text(StatusCode::REQUEST_TIMEOUT, LATE_BODY.as_bytes()),
        },
        Answer::Response(response) => response,
    };
    respond(request, response, socket, &http).await;
}

async fn respond(request: StreamRequest, mut response: Response<Body>, socket: Socket, http: &Http) {
    response.headers_mut().extend(date().into_iter().chain(socket.alternative()));
    let response = response.map(|body| match body {
        Body::Borrowed(body) => Bytes::from_static(body),
        Body::Owned(body) => Bytes::from(body),
    });
    // A client that has left, or takes nothing, gets no answer.
    let _ = timeout(http.handshake_timeout * ANSWER_FACTOR, request.respond(response)).await;
}
