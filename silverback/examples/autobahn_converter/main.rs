//! Stands between the Autobahn suite, which speaks HTTP/1.1 alone, and an endpoint that speaks HTTP/2.
//!
//! ```text
//! cargo run -p silverback --example autobahn_converter to-http2 HOST:PORT
//! cargo run -p silverback --example autobahn_converter from-http2 HOST:PORT
//! ```
//!
//! `to-http2` takes HTTP/1.1 for a server of HTTP/2, and `from-http2` takes HTTP/2 for a server of HTTP/1.1, both without
//! TLS. It listens on a free port of 127.0.0.1 and prints `listening HOST:PORT`.
//!
//! Only the handshakes are converted. What follows are the same bytes on both sides, in the same pieces, and an end or a
//! reset on one side becomes an end or a reset on the other. So the endpoint gets every malformed frame of the suite, and
//! the suite gets what the endpoint answers. All WebSockets share one connection of HTTP/2, which none of them may end.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports to people")]

mod handshake;
mod http1;
mod http2;
mod side;

use std::{env, error::Error};

use tokio::net::TcpListener;

use self::side::Side;

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [direction, target] = &arguments[..] else { return Err(USAGE.into()) };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addr()?);
    match &**direction {
        "to-http2" => http1::serve(listener, http2::Client::new(target)).await,
        "from-http2" => http2::serve(listener, target).await,
        _ => Err(USAGE.into()),
    }
}

/// Passes on what comes from both sides, until both have ended.
async fn convert(one: Side, other: Side) {
    let ((one_reader, one_writer), (other_reader, other_writer)) = (one, other);
    tokio::join!(pass_on(one_reader, other_writer), pass_on(other_reader, one_writer));
}

async fn pass_on(mut from: side::Reader, mut to: side::Writer) {
    loop {
        match from.read().await {
            Ok(Some(bytes)) => {
                if to.write(bytes).await.is_err() {
                    return;
                }
            }
            Ok(None) => return to.finish().await,
            Err(_) => return to.reset(),
        }
    }
}

const USAGE: &str = "usage: autobahn_converter to-http2|from-http2 HOST:PORT";
