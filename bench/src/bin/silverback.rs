//! silverback on a bare stream: the plain loop, borrowed messages, and halves.

use silverback::{Conn, Error, Upgrader};
use silverback_bench::{
    Failure, Options, compression,
    options::{MAX_MESSAGE_SIZE, Style},
    serve,
};
use tokio::net::TcpStream;

fn main() {
    let options = Options::parse();
    let style = options.style;
    let upgrader = Upgrader::new()
        .adjust_config(|config| config.max_message_size(MAX_MESSAGE_SIZE as u64))
        .compression(options.deflate.map(compression));
    serve(&options, |stream| connection(stream, upgrader.clone(), style));
}

async fn connection(stream: TcpStream, upgrader: Upgrader, style: Style) -> Result<(), Failure> {
    let conn = upgrader.accept(stream).await?;
    match style {
        Style::Plain => echo(conn).await?,
        Style::Lending | Style::Best => echo_lent(conn).await?,
        Style::Split => echo_between_halves(conn).await?,
    }
    Ok(())
}

async fn echo(mut conn: Conn) -> Result<(), Error> {
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}

async fn echo_lent(mut conn: Conn) -> Result<(), Error> {
    let (writer, reader) = conn.halves();
    while let Some(message) = reader.read_borrowed().await? {
        writer.write_borrowed(message).await?;
    }
    Ok(())
}

async fn echo_between_halves(conn: Conn) -> Result<(), Error> {
    let (writer, mut reader) = conn.split();
    while let Some(message) = reader.read_message().await? {
        writer.write_message(message).await?;
    }
    Ok(())
}
