//! `cargo run -- NAME`: one of the servers, on port 8000.

use silverback_frameworks::{poem, salvo, warp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    match std::env::args().nth(1).as_deref() {
        Some("poem") => poem::serve(listener).await?,
        Some("salvo") => salvo::serve(listener).await?,
        Some("warp") => warp::serve(listener).await?,
        _ => return Err("usage: cargo run -- poem|salvo|warp".into()),
    }
    Ok(())
}
