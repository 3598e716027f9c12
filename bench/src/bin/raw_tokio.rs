//! TCP without WebSocket on tokio: the cost of the runtime alone.

use silverback_bench::{Failure, Options, serve};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

fn main() {
    serve(&Options::parse(), echo);
}

async fn echo(mut stream: TcpStream) -> Result<(), Failure> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            taken => stream.write_all(&buffer[..taken]).await?,
        }
    }
}
