//! actix-web: it hands over no stream. The payload of the request is what the client sends, and the body of the response
//! is what it receives, so two pipes make a stream of them. If there were one for both directions, the connection could
//! not see that actix-web has dropped the body while the other direction is full.

use actix_web::body::BodyStream;
use actix_web::error::ErrorBadRequest;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer, rt, web};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Version};
use silverback::proto::handshake::ServerHandshake;
use silverback::{Negotiated, UpgradeError, Upgrader};
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpListener;
use tokio_util::io::ReaderStream;

/// Serves `/echo` until the listener fails.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let upgrader = Upgrader::new();
    let app = move || App::new().app_data(web::Data::new(upgrader.clone())).route("/echo", web::get().to(upgrade));
    let server = HttpServer::new(app).tcp_nodelay(true).listen(listener.into_std()?)?.run();
    server.await
}

async fn upgrade(
    upgrader: web::Data<Upgrader>,
    request: HttpRequest,
    payload: web::Payload,
) -> actix_web::Result<HttpResponse> {
    let headers = headers_of(&request).map_err(ErrorBadRequest)?;
    let (response, negotiated) = match respond(&upgrader, &headers) {
        Ok(accepted) => accepted,
        Err(error) => {
            let response: Response<String> = error.response();
            return Ok(head_of(&response).body(response.into_body()));
        }
    };
    let (incoming, input) = tokio::io::duplex(PIPE_SIZE);
    let (outgoing, output) = tokio::io::duplex(PIPE_SIZE);
    let conn = upgrader.conn(tokio::io::join(incoming, outgoing), negotiated, []);
    tokio::spawn(crate::echo(conn));
    rt::spawn(copy(payload, input));
    Ok(head_of(&response).upgrade("websocket").body(BodyStream::new(ReaderStream::new(output))))
}

/// Copies what the client sends, until it or the connection ends. The payload must stay on its thread.
async fn copy(mut payload: web::Payload, mut input: DuplexStream) -> std::io::Result<()> {
    while let Some(Ok(bytes)) = payload.next().await {
        input.write_all(&bytes).await?;
    }
    Ok(())
}

fn respond(upgrader: &Upgrader, headers: &HeaderMap) -> Result<(Response<()>, Negotiated), UpgradeError> {
    upgrader.respond_handshake(ServerHandshake::read(&Method::GET, Version::HTTP_11, headers)?)
}

/// actix-web has its own types for headers, from version 0.2 of the crate `http`.
fn headers_of(request: &HttpRequest) -> Result<HeaderMap, http::Error> {
    let copied = request
        .headers()
        .iter()
        .map(|(name, value)| Ok((HeaderName::try_from(name.as_str())?, HeaderValue::try_from(value.as_bytes())?)));
    copied.collect()
}

fn head_of<B>(response: &Response<B>) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut head = HttpResponse::build(status);
    for (name, value) in response.headers() {
        head.append_header((name.as_str(), value.as_bytes()));
    }
    head
}

/// A client that does not read, or an application that does not, fills its pipe and is waited for.
const PIPE_SIZE: usize = 8 * 1024;
