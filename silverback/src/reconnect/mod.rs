//! A client that comes back: connects again by itself, and tells what was not sent.
//!
//! | file | what |
//! |---|---|
//! | `mod`, `options` | what is asked for |
//! | `backoff`, `retry_after`, `outage` | when to try again, and whether |
//! | `hooks`, `attempt` | one attempt: hooks and the dial |
//! | `engine` | round and round: an attempt, a connection, a wait |
//! | `conn`, `event` | what the application does with it |
//! | `link`, `writer` | what the engine and writers share: the connection of the moment, what has not left |
//! | `state`, `error` | what is seen of it |

mod attempt;
mod backoff;
mod conn;
mod engine;
mod error;
mod event;
mod hooks;
mod link;
mod options;
mod outage;
mod retry_after;
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

/// Makes a connection that comes back: [`start`](Self::start) gives a [`ReconnectingConn`].
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
/// use silverback::{Dialer, Reconnect, ReconnectError};
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
///         // It goes on; these never left, and may be written again.
///         Err(ReconnectError::Undelivered(outage)) => println!("not sent: {:?}", outage.undelivered),
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # Ok(()) }
/// ```
///
/// # When it connects again
/// After a random part of a bound that begins at 1 s and doubles up to 30 s with every failure in a row: clients that
/// lost their server together do not come back together (RFC 6455, 7.2.3). A connection counts as a success only after
/// it has held for 30 s, so that a server which accepts and closes at once is not hammered. `Retry-After` of a refusal
/// is added, up to an hour. By default it is tried for ever, but only for causes that may pass: see
/// [`retry_on`](Self::retry_on).
///
/// # What is not kept
/// Nothing is queued while there is no connection: a writer waits for one. So memory is bounded by what one connection
/// queues, and nothing stale is sent in one go to a server that has just come back.
#[derive(Clone)]
pub struct Reconnect {
    dialer: Dialer,
    url: String,
    pace: Pace,
    hook_timeout: Duration,
    retry_on: Arc<dyn Fn(&Disconnect) -> bool + Send + Sync>,
    prepare: Option<Prepare>,
    on_connect: Option<OnConnect>,
}

/// Names no URL, which may hold secrets.
impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect")
            .field("dialer", &self.dialer)
            .field("pace", &self.pace)
            .field("hook_timeout", &self.hook_timeout)
            .finish_non_exhaustive()
    }
}
