//! The echo: what comes is printed and sent back.

use std::{future::Future, net::SocketAddr};

use silverback::{Conn, Error};

use super::{open_connections::Presence, printer::Printer};
use crate::trouble;

/// One connection of the echo.
#[derive(Debug)]
pub(crate) struct Echo {
    pub(crate) conn: Conn,
    pub(crate) presence: Presence,
    pub(crate) peer: SocketAddr,
    pub(crate) printer: Printer,
}

/// Echoes until the connection has ended.
///
/// Not an async function: that would keep room for its argument twice, in each of many idle tasks.
pub(crate) fn serve(mut echo: Echo) -> impl Future<Output = ()> {
    echo.presence.attach(echo.conn.halves().0.clone());
    async move {
        if let Err(error) = echo.run().await {
            if is_ours(&error) {
                trouble::report(&format_args!("the connection of {} failed: {error}", echo.peer));
            }
        }
    }
}

impl Echo {
    async fn run(&mut self) -> Result<(), Error> {
        let (writer, reader) = self.conn.halves();
        // Lent: an echo needs no message of its own, and none is allocated.
        while let Some(message) = reader.read_borrowed().await? {
            self.printer.print(self.peer, message);
            match writer.write_borrowed(message).await {
                // We are closing: what still comes is read up to the client's Close frame, and not answered.
                Err(error) if error.is_closing() => {}
                written => written?,
            }
        }
        Ok(())
    }
}

/// Clients may break rules and networks may break down: that is no news.
fn is_ours(error: &Error) -> bool {
    error.close_code().is_none() && !error.is_disconnect()
}

#[cfg(test)]
#[path = "echo_tests.rs"]
mod tests;
