//! The test of an open connection: a ping, a text that an echo service returns, and the closing handshake.

use std::time::{Duration, Instant};

use silverback::{CloseCode, CloseInfo, Conn, Error, Event, MessageRef};
use tokio::time::{sleep_until, timeout};

use crate::{lateness, printable::printable};

/// The results of the test.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) ping: Reply,
    pub(super) echo: Echo,
    pub(super) close: Closing,
    /// Messages that the test did not ask for.
    pub(super) unasked: u64,
}

/// The reply to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Unknown: the connection ended first, or no ping was sent.
    Untold,
    After(Duration),
    NoneWithin(Duration),
}

/// The answer to the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    Skipped,
    /// Unknown: the connection ended first.
    Untold,
    /// The same text came back.
    Same(Duration),
    /// A message that contains the text came back.
    Within(Duration),
    None(Duration),
}

/// How the connection ended.
#[derive(Debug)]
pub(super) enum Closing {
    /// This client closed it, and the server answered with this code.
    ByUs {
        code: CloseCode,
        took: Duration,
    },
    /// The server closed it first.
    ByServer(CloseInfo),
    Failed(Error),
}

/// Runs the test on an open connection.
pub(super) async fn talk(mut conn: Conn, wait: Duration, has_echo: bool) -> Conversation {
    let mut talk = Talk { ping: Reply::Untold, echo: Echo::Untold, unasked: 0 };
    let close = match talk.try_all(&mut conn, wait, has_echo).await {
        Ok(()) => close(&mut conn, wait).await,
        Err(closing) => closing,
    };
    Conversation { ping: talk.ping, echo: talk.echo, close, unasked: talk.unasked }
}

struct Talk {
    ping: Reply,
    echo: Echo,
    unasked: u64,
}

/// The event that ends a wait.
enum Came {
    Pong,
    Text { is_same: bool },
    Nothing,
}

impl Talk {
    async fn try_all(&mut self, conn: &mut Conn, wait: Duration, has_echo: bool) -> Result<(), Closing> {
        let token = token();
        let began = Instant::now();
        if let Err(error) = conn.ping(token.as_bytes()) {
            return Err(after(conn, error).await);
        }
        self.ping = match self.wait_for(conn, &token, began + wait, true).await? {
            Came::Nothing => Reply::NoneWithin(wait),
            _ => Reply::After(began.elapsed()),
        };
        if !has_echo {
            self.echo = Echo::Skipped;
            return Ok(());
        }
        let began = Instant::now();
        if let Err(error) = conn.write_message(token.as_str()).await {
            return Err(after(conn, error).await);
        }
        self.echo = match self.wait_for(conn, &token, began + wait, false).await? {
            Came::Text { is_same: true } => Echo::Same(began.elapsed()),
            Came::Text { is_same: false } => Echo::Within(began.elapsed()),
            _ => Echo::None(wait),
        };
        Ok(())
    }

    /// Reads until the pong with this payload or a message with this text arrives.
    async fn wait_for(&mut self, conn: &mut Conn, token: &str, until: Instant, is_pong: bool) -> Result<Came, Closing> {
        let (mut until, mut is_extended) = (until, false);
        loop {
            let event = tokio::select! {
                biased;
                event = conn.read_event() => event.map_err(Closing::Failed)?,
                () = sleep_until(until.into()) => match lateness::extended(until) {
                    Some(extended) if !is_extended => {
                        (until, is_extended) = (extended, true);
                        continue;
                    }
                    _ => return Ok(Came::Nothing),
                },
            };
            match event {
                Some(Event::Pong(payload)) if is_pong && payload.as_slice() == token.as_bytes() => {
                    return Ok(Came::Pong);
                }
                Some(Event::Message(message)) => match message.into_ref() {
                    MessageRef::Text(text) if !is_pong && text.contains(token) => {
                        return Ok(Came::Text { is_same: text == token });
                    }
                    _ => self.unasked += 1,
                },
                Some(_) => {}
                None => return Err(ended(conn)),
            }
        }
    }
}

async fn close(conn: &mut Conn, wait: Duration) -> Closing {
    let began = Instant::now();
    // The connection has its own budget for the closing handshake. This limit is for everything outside of that budget.
    match timeout(wait * 2, conn.close(CloseCode::NORMAL, "")).await {
        Ok(Ok(())) => {
            let code = conn.close_info().map_or(CloseCode::NO_STATUS, |info| info.code);
            Closing::ByUs { code, took: began.elapsed() }
        }
        Ok(Err(error)) => Closing::Failed(error),
        Err(_) => Closing::Failed(Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Finds out how a connection ended that accepts no more writes. If the server closed first, its Close frame may still
/// be unread.
async fn after(conn: &mut Conn, error: Error) -> Closing {
    if !error.is_disconnect() {
        return Closing::Failed(error);
    }
    loop {
        match conn.read_event().await {
            Ok(Some(_)) => {}
            Ok(None) => return ended(conn),
            Err(error) => return Closing::Failed(error),
        }
    }
}

fn ended(conn: &Conn) -> Closing {
    conn.close_info().map_or(Closing::Failed(Error::Lost), Closing::ByServer)
}

/// A text of the size of a ping that no server sends by chance.
fn token() -> String {
    let random = getrandom::u64().unwrap_or(0x5eed);
    format!("silverback check {random:016x}")
}

pub(super) fn close_words(info: &CloseInfo) -> String {
    match info.reason.is_empty() {
        true => info.code.to_string(),
        false => format!("{}: {}", info.code, printable(&info.reason)),
    }
}
