//! An echo server on each of some HTTP frameworks. `cargo run -- poem` starts one; `docs/frameworks.md` explains them.
//!
//! The framework reads the request and sends the response. `Upgrader::respond` validates the first and writes the
//! second, and `Upgrader::conn` takes the stream over.

pub mod actix_web;
pub mod poem;
pub mod rocket;
pub mod salvo;
pub mod warp;

/// Returns every message.
async fn echo(mut conn: silverback::Conn) -> Result<(), silverback::Error> {
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}
