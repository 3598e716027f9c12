//! The loads of `rounds` on servers of ours with its default settings. A plain TCP echo runs the same rounds, so that the
//! cost of the load and the runtime can be subtracted.

use std::{env, net::Ipv4Addr};

use silverback::Upgrader;
use silverback_bench::{Failure, rounds::Rounds};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime,
};

fn main() {
    let words: Vec<_> = env::args().skip(1).collect();
    let [subject, load, rounds] = words.as_slice() else { panic!("{USAGE}") };
    let rounds = Rounds { load: load.clone(), count: rounds.parse().expect(USAGE) };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        tokio::spawn(accept(listener, subject.clone()));
        rounds.run(address).await;
    });
}

async fn accept(listener: TcpListener, subject: String) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true).expect("a socket takes the option");
        match subject.as_str() {
            "raw" => _ = tokio::spawn(raw(stream)),
            "plain" => _ = tokio::spawn(plain(stream)),
            "lending" => _ = tokio::spawn(lending(stream)),
            _ => panic!("{USAGE}"),
        }
    }
}

/// TCP alone: it sends the request back. It does not zero the buffer, because that would cost more than the echo.
async fn raw(mut stream: TcpStream) -> Result<(), Failure> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    while stream.read_buf(&mut buffer).await? > 0 {
        stream.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}

async fn plain(stream: TcpStream) -> Result<(), Failure> {
    let mut conn = Upgrader::new().accept(stream).await?;
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}

async fn lending(stream: TcpStream) -> Result<(), Failure> {
    let mut conn = Upgrader::new().accept(stream).await?;
    let (writer, reader) = conn.halves();
    while let Some(message) = reader.read_borrowed().await? {
        writer.write_borrowed(message).await?;
    }
    Ok(())
}

const USAGE: &str = "raw|plain|lending handshake|small|batch|text|text-batch|large ROUNDS";
