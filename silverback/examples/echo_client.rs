//! Says hello to an echo server and prints its answer: `cargo run --example echo_client`.

#![allow(clippy::print_stdout, reason = "it shows the answer")]

use silverback::{Dialer, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8000/".to_owned());
    let mut conn = Dialer::new().dial(&url).await?;
    conn.write_message("hello").await?;
    if let Some(answer) = conn.read_message().await? {
        println!("{answer:?}");
    }
    conn.close(1000, "").await
}
