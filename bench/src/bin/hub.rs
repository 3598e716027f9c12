//! `silverback-hub` without a protocol: whoever connects to `/publish` publishes, everybody else gets the payloads.

use std::sync::Arc;

use silverback::{Conn, Upgrader};
use silverback_bench::{Failure, Options, compression, listen};
use silverback_hub::{Hub, Identity, Start};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime,
};

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let mut upgrader = Upgrader::new();
    if let Some(deflate) = options.deflate {
        upgrader = upgrader.compression(compression(deflate));
    }
    let upgrader = Arc::new(upgrader);
    let runtime = runtime::Builder::new_multi_thread().worker_threads(SHARDS).enable_all().build()?;
    runtime.block_on(async {
        let hub = Hub::builder().shards(SHARDS).start().await?;
        let listener = TcpListener::from_std(listen(&options))?;
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            if stream.set_nodelay(true).is_ok() {
                tokio::spawn(serve(hub.clone(), upgrader.clone(), stream));
            }
        }
    })
}

async fn serve(hub: Hub, upgrader: Arc<Upgrader>, stream: TcpStream) -> Result<(), Failure> {
    // Boxed, because the task stays as long as the connection and the request does not.
    let (conn, path) = Box::pin(accept(upgrader, stream)).await?;
    if path == "/publish" { Box::pin(publish(hub, conn)).await } else { subscribe(hub, conn).await }
}

async fn accept(upgrader: Arc<Upgrader>, stream: TcpStream) -> Result<(Conn, String), Failure> {
    let (conn, request) = upgrader.accept_with_request(stream).await?;
    Ok((conn, request.uri().path().to_owned()))
}

async fn publish(hub: Hub, mut conn: Conn) -> Result<(), Failure> {
    while let Some(message) = conn.read_message().await? {
        hub.publish(TOPIC, message).await?;
    }
    Ok(())
}

async fn subscribe(hub: Hub, conn: Conn) -> Result<(), Failure> {
    let (member, mut reader) = hub.join(conn, Identity::anonymous());
    member.subscribe(TOPIC, Start::Live).await?;
    while reader.read_message().await?.is_some() {}
    Ok(())
}

const TOPIC: &str = "news";
/// As many as the threads of the runtime.
const SHARDS: usize = 2;
