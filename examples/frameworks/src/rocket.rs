//! rocket: a responder sees the request, and a handler gets the stream once rocket has sent the response.

use std::io::{self, Cursor};
use std::pin::Pin;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use rocket::data::{IoHandler, IoStream};
use rocket::http::Status;
use rocket::response::{self, Builder, Responder, Response};
use rocket::{Build, Request, Rocket, State, get, routes};
use silverback::proto::handshake::ServerHandshake;
use silverback::{Negotiated, UpgradeError, Upgrader};

/// A server with the route `/echo`, to be launched.
pub fn server() -> Rocket<Build> {
    rocket::build().manage(Upgrader::new()).mount("/", routes![echo])
}

#[get("/echo")]
fn echo(upgrader: &State<Upgrader>) -> Echo {
    Echo(upgrader.inner().clone())
}

struct Echo(Upgrader);

impl<'r> Responder<'r, 'static> for Echo {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let headers = headers_of(request).map_err(|_| Status::BadRequest)?;
        match respond(&self.0, &headers) {
            Err(error) => {
                let response: http::Response<String> = error.response();
                let mut builder = head_of(&response);
                let body = response.into_body();
                builder.sized_body(body.len(), Cursor::new(body)).ok()
            }
            Ok((response, negotiated)) => head_of(&response).upgrade("websocket", Upgraded(self.0, negotiated)).ok(),
        }
    }
}

fn respond(upgrader: &Upgrader, headers: &HeaderMap) -> Result<(http::Response<()>, Negotiated), UpgradeError> {
    upgrader.respond_handshake(ServerHandshake::read(&Method::GET, Version::HTTP_11, headers)?)
}

struct Upgraded(Upgrader, Negotiated);

#[rocket::async_trait]
impl IoHandler for Upgraded {
    async fn io(self: Pin<Box<Self>>, stream: IoStream) -> io::Result<()> {
        let Self(upgrader, negotiated) = *Pin::into_inner(self);
        crate::echo(upgrader.conn(stream, negotiated, [])).await.map_err(io::Error::other)
    }
}

/// rocket has its own types for headers.
fn headers_of(request: &Request<'_>) -> Result<HeaderMap, http::Error> {
    let copied = request
        .headers()
        .iter()
        .map(|header| Ok((HeaderName::try_from(header.name().as_str())?, HeaderValue::try_from(header.value())?)));
    copied.collect()
}

fn head_of<B>(response: &http::Response<B>) -> Builder<'static> {
    let mut head = Response::build();
    head.status(Status::new(response.status().as_u16()));
    for (name, value) in response.headers() {
        if let Ok(value) = value.to_str() {
            head.raw_header_adjoin(name.as_str().to_owned(), value.to_owned());
        }
    }
    head
}
