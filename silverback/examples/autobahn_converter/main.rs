//! Stands between the Autobahn suite, which speaks HTTP/1.1 alone, and an endpoint that speaks HTTP/2 or HTTP/3.
//!
//! ```text
//! cargo run -p silverback --example autobahn_converter to-http2 HOST:PORT
//! cargo run -p silverback --example autobahn_converter from-http2 HOST:PORT
//! cargo run -p silverback --example autobahn_converter to-http3 localhost:PORT AUTHORITY
//! cargo run -p silverback --example autobahn_converter from-http3 HOST:PORT CERTIFICATES KEY
//! ```
//!
//! `to-` takes HTTP/1.1 for a server of the other version, and `from-` takes the other version for a server of HTTP/1.1.
//! HTTP/2 is without TLS. It listens on a free port of 127.0.0.1 and prints `listening HOST:PORT`.
//!
//! Only the handshakes are converted. What follows are the same bytes on both sides, in the same pieces, and an end or a
//! reset on one side becomes an end or a reset on the other. So the endpoint gets every malformed frame of the suite, and
//! the suite gets what the endpoint answers. All WebSockets share one connection of that version, which none of them may end.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports to people")]

mod handshake;
mod http1;
mod http2;
mod http3;
mod side;

use std::{env, error::Error};

use self::{http1::Client, side::Side};

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["to-http2", target] => http1::serve(Client::Http2(http2::Client::new(target))).await,
        ["from-http2", target] => http2::serve(target).await,
        ["to-http3", target, authority] => http1::serve(Client::Http3(http3::Client::new(target, authority)?)).await,
        ["from-http3", target, certificates, key] => http3::serve(certificates, key, target).await,
        _ => Err("usage: autobahn_converter to-http2|from-http2|to-http3|from-http3 HOST:PORT [FILE]...".into()),
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
