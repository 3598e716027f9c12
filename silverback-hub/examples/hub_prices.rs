//! Live prices for any number of viewers. One that reads slowly gets the newest price of each symbol, and no old ones.
//!
//! ```text
//! cargo run -p silverback-hub --example hub_prices [ADDRESS]
//! cargo run -- ws://127.0.0.1:8000/
//! ```

#![allow(clippy::print_stdout, reason = "it prints its address")]

use std::{env, error::Error, time::Duration};

use silverback::Upgrader;
use silverback_hub::{Engine, Hub, HubError, Identity, Memory, Slow, Start, Topic};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening ws://{}/", listener.local_addr()?);
    let hub = hub(Memory::new()).await?;
    tokio::spawn(quote(hub.clone()));
    serve(hub, listener).await
}

pub(crate) async fn hub(engine: impl Engine) -> Result<Hub, HubError> {
    Hub::builder()
        .engine(engine) // This line makes it one node or several: those with the same broker, or clones of a `Memory`.
        .topics("prices", Topic::new().when_slow(Slow::Conflate))
        .start()
        .await
}

/// Publishes prices that change all the time.
pub(crate) async fn quote(hub: Hub) -> Result<(), HubError> {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    for tick in 0_u64.. {
        ticks.tick().await;
        for (symbol, start) in [("BTC", 68_000), ("ETH", 3_500)] {
            hub.publish("prices", format!("{symbol} {}", start + tick % 100)).key(symbol).await?;
        }
    }
    Ok(())
}

pub(crate) async fn serve(hub: Hub, listener: TcpListener) -> Result<(), Box<dyn Error + Send + Sync>> {
    loop {
        tokio::spawn(watch(hub.clone(), listener.accept().await?.0));
    }
}

async fn watch(hub: Hub, stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (member, mut reader) = hub.join(Upgrader::new().accept(stream).await?, Identity::anonymous());
    member.subscribe("prices", Start::Live).await?;
    while reader.read_message().await?.is_some() {}
    Ok(())
}
