//! The echo: what comes is printed and sent back.

use std::net::SocketAddr;

use silverback::{Conn, Error};

use crate::{open_connections::Presence, printer::Printer, trouble};

/// Echoes until the connection has ended.
pub(crate) async fn serve(mut conn: Conn, mut presence: Presence, peer: SocketAddr, printer: Printer) {
    presence.attach(conn.halves().0.clone());
    if let Err(error) = echo(&mut conn, peer, &printer).await {
        if is_ours(&error) {
            trouble::report(&format_args!("the connection of {peer} failed: {error}"));
        }
    }
}

async fn echo(conn: &mut Conn, peer: SocketAddr, printer: &Printer) -> Result<(), Error> {
    while let Some(message) = conn.read_message().await? {
        printer.print(peer, &message);
        match conn.write_message(message).await {
            // We are closing: what still comes is read up to the client's Close frame, and not answered.
            Err(error) if error.is_closing() => {}
            written => written?,
        }
    }
    Ok(())
}

/// Clients may break rules and networks may break down: that is no news.
fn is_ours(error: &Error) -> bool {
    error.close_code().is_none() && !error.is_disconnect()
}
