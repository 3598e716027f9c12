//! An HTTP/2 connection: many requests, of which some become WebSockets. The library reads the requests, and the routes
//! answer them as over HTTP/1.1.

use bytes::Bytes;
use silverback::{ByteStream, StreamRequest};
use tokio::time::timeout;

use crate::service::{
    context::{ANSWER_FACTOR, Http, date, for_handshake},
    echo::{self, Echo},
    open_connections::{Presence, Shared},
    routes::{Answer, Body},
    sockets::{Client, Peer},
};

/// Serves a connection until it has ended.
pub(super) async fn serve(stream: Box<dyn ByteStream>, peer: Peer, presence: Presence, http: Http) {
    let mut server = http.routes.upgrader.serve_http2(stream);
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
                let client = Client { peer, version: request.request().version() };
                tokio::spawn(answer(request, client, shared.enter(), http.clone()));
            }
            // The client broke a rule, or the network failed. It is the end of the connection.
            Some(Err(_)) => {}
            None => break,
        }
    }
    shared.end();
}

async fn answer(request: StreamRequest, client: Client, presence: Presence, http: Http) {
    match http.routes.answer(request.request(), || request.handshake(), client) {
        Answer::Upgrade(handshake) => {
            let upgrader = for_handshake(&http.routes.upgrader, &handshake);
            // A client that is refused here gets the reason.
            let Ok(conn) = request.accept_handshake(&upgrader, *handshake).await else { return };
            let printer = http.routes.printer.clone();
            tokio::spawn(echo::serve(Echo { conn, presence, client, printer, waiting: None }));
        }
        Answer::Response(mut response) => {
            response.headers_mut().extend(date());
            let response = response.map(|body| match body {
                Body::Borrowed(body) => Bytes::from_static(body),
                Body::Owned(body) => Bytes::from(body),
            });
            // A client that has left, or takes nothing, gets no answer.
            let _ = timeout(http.handshake_timeout * ANSWER_FACTOR, request.respond(response)).await;
        }
    }
}
