//! The echo: prints each message and sends it back.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use silverback::{Conn, Error, Message, Writer};

use super::printer::Printer;
use crate::{
    error,
    serving::{open_connections::Presence, sockets::Client},
};

/// One connection of the echo.
pub(crate) struct Echo {
    pub(crate) conn: Conn,
    /// Counts the connection.
    pub(crate) _presence: Presence,
    pub(crate) client: Client,
    pub(crate) printer: Printer,
    /// The answer that is not accepted yet, because it waits for room or is large and made into a frame in pieces. The
    /// echo reads nothing more meanwhile.
    pub(crate) waiting: Option<Answer>,
}

pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Echoes until the connection has ended.
///
/// This polls by hand. An idle task is then no larger than the `Echo`, while an async block would also reserve room for
/// the state of a write.
pub(crate) fn serve(mut echo: Echo) -> impl Future<Output = ()> {
    poll_fn(move |cx| echo.poll_echo(cx))
}

impl Echo {
    fn poll_echo(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ended = ready!(self.poll_run(cx));
        if let Err(error) = ended
            && is_ours(&error)
        {
            error::report(&format_args!("the connection of {} failed: {error}", self.client));
        }
        Poll::Ready(())
    }

    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (writer, reader) = self.conn.halves();
        loop {
            if let Some(answer) = &mut self.waiting {
                let written = ready!(answer.as_mut().poll(cx));
                self.waiting = None;
                answered(written)?;
            }
            // The message is borrowed, so an echo allocates nothing. A message joined from fragments is sent from where
            // it is.
            let Some(message) = ready!(pin!(reader.read_borrowed()).poll(cx))? else { return Poll::Ready(Ok(())) };
            self.printer.print(self.client, message.as_ref());
            if message.is_assembled() || message.len() > LARGE {
                self.waiting = Some(answer(writer, message.into_message()));
                continue;
            }
            let message = message.into_ref();
            // A write that is dropped while it waits for room has written nothing, so the message is kept.
            match pin!(writer.write_borrowed(message)).poll(cx) {
                Poll::Ready(written) => answered(written)?,
                Poll::Pending => self.waiting = Some(answer(writer, message.to_message())),
            }
        }
    }
}

/// The future keeps its place among the waiting writers, and the part of the frame that is already made.
fn answer(writer: &Writer, message: Message) -> Answer {
    let writer = writer.clone();
    Box::pin(async move { writer.write_message(message).await })
}

/// The connection is closing. Messages up to the client's Close frame are read and not answered.
fn answered(written: Result<(), Error>) -> Result<(), Error> {
    written.or_else(|error| if error.is_closing() { Ok(()) } else { Err(error) })
}

/// Whether an error is worth a line. Clients that break rules and networks that break down are normal.
fn is_ours(error: &Error) -> bool {
    error.close_code().is_none() && !error.is_disconnect()
}

/// A larger message takes more than one poll to send, so its write must not be dropped in between.
const LARGE: usize = 64 * 1024;

#[cfg(test)]
#[path = "echo_tests.rs"]
mod tests;
