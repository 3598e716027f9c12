//! TCP without WebSocket on tokio: the cost of the runtime alone.

use silverback_bench::{Failure, Options, serve};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

fn main() {
    serve(&Options::parse(), echo);
}

/// It does not zero the buffer, because that would cost a handshake more than the echo.
async fn echo(mut stream: TcpStream) -> Result<(), Failure> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    while stream.read_buf(&mut buffer).await? > 0 {
        stream.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}
