//! The connection that [`Reconnect`] starts: its events, its states and its errors.

// A client that reconnects by itself and reports which messages were not sent.
//
// | file | what |
// |---|---|
// | `mod`, `options` | the builder and its options |
// | `backoff`, `retry_after`, `outage` | when to try again, and whether |
// | `hooks`, `attempt` | one attempt: hooks and the dial |
// | `engine` | the cycle of an attempt, a connection and a wait |
// | `conn`, `event` | the connection for the application, and its events |
// | `sink`, `kept`, `json` | the connection and its writers as streams and sinks, what they keep between two polls, and JSON |
// | `link`, `writer` | writers, and what they share with the engine: the connection, unsent messages |
// | `state`, `error` | the state and the errors that applications see |

mod attempt;
mod backoff;
mod conn;
mod engine;
mod error;
mod event;
mod hooks;
#[cfg(feature = "json")]
mod json;
mod kept;
mod link;
mod options;
mod outage;
mod retry_after;
mod sink;
mod state;
mod writer;

use std::{fmt, sync::Arc, time::Duration};

use self::{
    backoff::Pace,
    hooks::{OnConnect, Prepare},
};
pub use self::{
    conn::ReconnectingConn,
    error::ReconnectError,
    event::ReconnectEvent,
    hooks::ReconnectAttempt,
    outage::{Disconnect, Outage},
    state::ReconnectState,
    writer::ReconnectingWriter,
};
use crate::dial::Dialer;

/// Builds a client's connection that reconnects: [`start`](Self::start) returns a [`ReconnectingConn`].
///
/// ```
/// # use tokio::net::TcpListener;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # tokio::spawn(async move {
/// #     // The first connection is lost, the second closes in order.
/// #     for round in 1..=2 {
/// #         let (stream, _) = listener.accept().await?;
/// #         let mut conn = silverback::Upgrader::new().accept(stream).await?;
/// #         assert_eq!(conn.read_message().await?, Some("subscribe".into()));
/// #         conn.write_message(format!("news {round}")).await?;
/// #         conn.flush().await?;
/// #         if round == 2 { conn.close(1000, "").await?; }
/// #     }
/// #     Ok::<_, silverback::Error>(())
/// # });
/// use silverback::{Dialer, Reconnect, reconnect::ReconnectError};
///
/// let mut conn = Reconnect::new(Dialer::new(), url)
///     .on_connect(|mut conn, _attempt| async move {
///         conn.write_message("subscribe").await?;
///         Ok::<_, silverback::Error>(conn)
///     })
///     .start();
/// loop {
///     match conn.read_message().await {
///         Ok(Some(message)) => println!("{message:?}"),
///         // Closed, by us or by a server that does not want us back.
///         Ok(None) => break,
///         // It reconnects. These messages never left, and may be written again.
///         Err(ReconnectError::Undelivered(outage)) => println!("not sent: {:?}", outage.undelivered),
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # Ok(()) }
/// ```
///
/// # When it connects again
/// It waits for a random part of a bound. The bound starts at 1 s and doubles up to 30 s with every failure in a row,
/// so that clients that lost their server together do not reconnect together (RFC 6455, 7.2.3). A connection counts as
/// a success only after it has lasted for 30 s, so that a server that accepts and closes at once is not hammered. The
/// `Retry-After` of a refusal is added, up to an hour. By default the number of attempts is unlimited, but only causes
/// that may be temporary are retried; see [`retry_on`](Self::retry_on).
///
/// # While disconnected
/// Nothing is queued, and a writer waits for the next connection. So memory is bounded by the queue of one connection,
/// and a server that has just restarted does not get a burst of stale messages.
#[derive(Clone)]
#[must_use = "nothing is dialled until `start`"]
pub struct Reconnect {
    dialer: Dialer,
    url: String,
    pace: Pace,
    hook_timeout: Duration,
    retry_on: Arc<dyn Fn(&Disconnect) -> bool + Send + Sync>,
    prepare: Option<Prepare>,
    on_connect: Option<OnConnect>,
}

/// Leaves out the URL, because it may contain secrets.
impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect")
            .field("dialer", &self.dialer)
            .field("pace", &self.pace)
            .field("hook_timeout", &self.hook_timeout)
            .finish_non_exhaustive()
    }
}
