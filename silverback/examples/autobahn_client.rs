//! A client for the fuzzing server of the Autobahn suite. It echoes in each case and requests the report at the end. The
//! suite decides which cases pass.
//!
//! ```text
//! cargo run -p silverback --example autobahn_client ws://HOST:PORT
//! ```

use silverback::{Compression, Conn, Dialer, Error, Message};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).ok_or("usage: autobahn_client ws://HOST:PORT")?;
    let dialer = Dialer::new().compression(Compression::default());
    for case in 1..=case_count(&dialer, &server).await? {
        let conn = dialer.dial(&format!("{server}/runCase?case={case}&agent={AGENT}")).await?;
        // Most cases break the protocol on purpose, and then the suite expects an error.
        let _ = echo(conn).await;
    }
    let mut conn = dialer.dial(&format!("{server}/updateReports?agent={AGENT}")).await?;
    while conn.read_message().await?.is_some() {}
    Ok(())
}

async fn case_count(dialer: &Dialer, server: &str) -> Result<u32, Box<dyn std::error::Error>> {
    let mut conn = dialer.dial(&format!("{server}/getCaseCount")).await?;
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
