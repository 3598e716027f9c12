//! A client for the fuzzing server of the Autobahn suite. It echoes in each case and requests the report at the end. The
//! suite decides which cases pass.
//!
//! ```text
//! cargo run -p silverback --example autobahn_client ws://HOST:PORT [VERSION [AUTHORITY]]
//! ```
//!
//! VERSION is that of HTTP: 1.1 (the default), or 2 or 3 with a converter before the suite, which speaks HTTP/1.1 alone.
//! AUTHORITY is a file in PEM with whom to trust, for `wss://`.

use silverback::{Compression, Conn, Dialer, Error, Message, Session, dial::HttpVersion, tls::Tls};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().ok_or("usage: autobahn_client ws://HOST:PORT [VERSION [AUTHORITY]]")?;
    let version = match arguments.next().as_deref() {
        None | Some("1.1") => HttpVersion::Http1,
        Some("2") => HttpVersion::Http2,
        Some("3") => HttpVersion::Http3,
        Some(other) => return Err(format!("no version of HTTP is called {other}").into()),
    };
    let mut dialer = Dialer::new().compression(Compression::default()).http_version(version);
    if let Some(authority) = arguments.next() {
        dialer = dialer.tls(Tls::new().default_roots(false).add_roots(std::fs::read(authority)?));
    }
    // Over HTTP/2 and HTTP/3 the WebSockets of all cases share a connection, and none may end it.
    let session = dialer.connect(&server).await?;
    for case in 1..=case_count(&session).await? {
        let conn = session.dial(&format!("/runCase?case={case}&agent={AGENT}")).await?;
        // Most cases break the protocol on purpose, and then the suite expects an error.
        let _ = echo(conn).await;
    }
    let mut conn = session.dial(&format!("/updateReports?agent={AGENT}")).await?;
    while conn.read_message().await?.is_some() {}
    Ok(())
}

async fn case_count(session: &Session) -> Result<u32, Box<dyn std::error::Error>> {
    let mut conn = session.dial("/getCaseCount").await?;
    let answer = conn.read_message().await?;
    let count = answer.as_ref().and_then(Message::as_text).ok_or("the server did not report its number of cases")?;
    Ok(count.parse()?)
}

async fn echo(mut conn: Conn) -> Result<(), Error> {
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}

const AGENT: &str = "silverback";
