//! `cargo run -- NAME`: one of the servers, on port 8000.

use silverback_frameworks::{actix_web, poem, rocket, salvo, warp};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = || TcpListener::bind("127.0.0.1:8000");
    match std::env::args().nth(1).as_deref() {
        Some("actix-web") => actix_web::serve(listener().await?).await?,
        Some("poem") => poem::serve(listener().await?).await?,
        Some("rocket") => _ = rocket::server().launch().await?,
        Some("salvo") => salvo::serve(listener().await?).await?,
        Some("warp") => warp::serve(listener().await?).await?,
        _ => return Err("usage: cargo run -- actix-web|poem|rocket|salvo|warp".into()),
    }
    Ok(())
}
