//! The connections of a server, so that it can end in order: clients are told to come back, not all at the same moment.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use silverback_proto::CloseCode;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{Conn, writer::Writer};

/// The connections that a server has open. It closes them in order before the process ends. Cloning shares it.
///
/// The server of HTTP does not know when a WebSocket ends: axum's graceful shutdown neither waits for WebSockets nor
/// closes them. [`track`](Self::track) each connection, tell the [`Upgrader`](crate::Upgrader::connections) to refuse new
/// ones, and call [`drain`](Self::drain) when a signal comes.
///
/// ```no_run
/// use std::time::Duration;
/// use silverback::{Connections, Upgrader};
/// use tokio::net::{TcpListener, TcpStream};
///
/// # async fn terminated() {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connections = Connections::new();
/// let upgrader = Upgrader::new().connections(&connections);
/// let listener = TcpListener::bind("127.0.0.1:8000").await?;
/// let accept = async {
///     while let Ok((stream, _)) = listener.accept().await {
///         tokio::spawn(echo(upgrader.clone(), connections.clone(), stream));
///     }
/// };
/// tokio::select! {
///     () = accept => {}
///     () = terminated() => {} // SIGTERM, for example
/// }
/// // A client that does not answer is given up after the close timeout. The limit is for handlers that hang.
/// let drained = connections.drain(Duration::from_secs(25));
/// tokio::time::timeout(Duration::from_secs(60), drained).await.ok();
/// # Ok(()) }
///
/// async fn echo(upgrader: Upgrader, connections: Connections, stream: TcpStream) -> Result<(), silverback::Error> {
///     let mut conn = upgrader.accept(stream).await?;
///     let _tracked = connections.track(&conn);
///     while let Some(message) = conn.read_message().await? {
///         conn.write_message(message).await?;
///     }
///     Ok(())
/// }
/// ```
///
/// With axum, add the upgrader as an `Extension`, and stop to accept with
/// `with_graceful_shutdown(connections.clone().draining())`.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    close_code: CloseCode,
    is_draining: watch::Sender<bool>,
    state: Mutex<State>,
    /// How many are tracked.
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    /// The writer of each tracked connection. `free` has the indexes of the empty entries.
    writers: Vec<Option<Writer>>,
    free: Vec<usize>,
}

/// A connection that counts as open; see [`Connections::track`]. Drop it when the task of the connection has finished.
#[must_use = "the connection counts until this is dropped"]
pub struct Tracked {
    connections: Connections,
    index: usize,
}

impl Connections {
    /// Makes an empty set, which closes with 1012: the service restarts, and clients should connect again (RFC 6455, 7.4).
    pub fn new() -> Self {
        Self::with_close_code(CloseCode::SERVICE_RESTART)
    }

    /// Makes an empty set that closes with another code, for example 1001. A code that must not be sent closes with 1012.
    pub fn with_close_code(code: impl Into<CloseCode>) -> Self {
        let code = code.into();
        Self(Arc::new(Shared {
            close_code: if code.is_sendable() { code } else { CloseCode::SERVICE_RESTART },
            is_draining: watch::Sender::new(false),
            state: Mutex::default(),
            count: watch::Sender::new(0),
        }))
    }

    /// Counts a connection as open until the result is dropped. If a drain has begun, the connection is told to close at
    /// once.
    ///
    /// Keep the result in the task of the connection. The drain then also waits for what the task does after the
    /// connection has closed.
    pub fn track(&self, conn: &Conn) -> Tracked {
        let writer = conn.writer().clone();
        let mut state = self.lock();
        let index = state.free.pop().unwrap_or(state.writers.len());
        match state.writers.get_mut(index) {
            Some(empty) => *empty = Some(writer.clone()),
            None => state.writers.push(Some(writer.clone())),
        }
        self.0.count.send_modify(|count| *count += 1);
        drop(state);
        // Checked after the writer is in its place: a drain that begins now finds it there.
        if self.is_draining() {
            self.close(&writer);
        }
        Tracked { connections: self.clone(), index }
    }

    /// Returns how many connections are tracked.
    pub fn count(&self) -> usize {
        *self.0.count.borrow()
    }

    /// Whether a drain has begun. A readiness check should fail then.
    pub fn is_draining(&self) -> bool {
        *self.0.is_draining.borrow()
    }

    /// Completes once a drain has begun, for loops that accept connections and for `with_graceful_shutdown` of axum.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn draining(self) {
        // Fails only if the sender is gone, and `self` has it.
        let _ = self.0.is_draining.subscribe().wait_for(|is_draining| *is_draining).await;
    }

    /// Closes all tracked connections, in a random order and spread over `window`, and waits until none is tracked any
    /// more. With few connections it takes less than the window, because at least 20 are closed each second. A window of
    /// zero closes all at once.
    ///
    /// An [`Upgrader`](crate::Upgrader::connections) refuses new connections meanwhile, with 503. A client that does not
    /// answer the Close frame is given up after the [close timeout](crate::Config::close_timeout). A task that does not
    /// finish keeps the drain waiting, so give it a time limit.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn end(connections: silverback::Connections) {
    /// let drained = connections.drain(Duration::from_secs(25));
    /// if tokio::time::timeout(Duration::from_secs(40), drained).await.is_err() {
    ///     eprintln!("{} connections did not end", connections.count());
    /// }
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// If the future is dropped, new connections are still refused, and those that were not told to close stay. Call it
    /// again to continue.
    ///
    /// # Panics
    /// If called outside of a tokio runtime with its time driver enabled.
    pub async fn drain(&self, window: Duration) {
        self.0.is_draining.send_replace(true);
        let mut writers: Vec<_> = self.lock().writers.iter().flatten().cloned().collect();
        shuffle(&mut writers);
        let begin = Instant::now();
        let between = (window / u32::try_from(writers.len().max(1)).unwrap_or(u32::MAX)).min(MOST_BETWEEN);
        for (number, writer) in writers.iter().enumerate() {
            let at = begin + between.mul_f64(number as f64 + random());
            if timeout_at(at, self.emptied()).await.is_ok() {
                return;
            }
            self.close(writer);
        }
        // A clone of a writer would keep its connection open.
        drop(writers);
        self.emptied().await;
    }

    async fn emptied(&self) {
        // Fails only if the sender is gone, and `self` has it.
        let _ = self.0.count.subscribe().wait_for(|count| *count == 0).await;
    }

    fn close(&self, writer: &Writer) {
        // Fails only if the connection is closing already.
        let _ = writer.start_close(self.0.close_code, "the server is shutting down");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        let writer = state.writers.get_mut(self.index).and_then(Option::take);
        state.free.push(self.index);
        self.connections.0.count.send_modify(|count| *count -= 1);
        drop(state);
        // Outside of the lock: dropping a connection's last handle may send.
        drop(writer);
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("count", &self.count())
            .field("is_draining", &self.is_draining())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked").finish_non_exhaustive()
    }
}

/// Connections that were opened together must not reconnect together.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, ((random() * (last + 1) as f64) as usize).min(last));
    }
}

/// Returns a number from 0 to 1. Without randomness, connections are closed at regular intervals.
fn random() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

/// The longest time between two closes: a server bears 20 reconnects each second.
const MOST_BETWEEN: Duration = Duration::from_millis(50);
