//! Connections for programs without a runtime. Calls wait in their own thread, like those of [`std::net`].
//!
//! ```
//! use silverback::{Upgrader, blocking};
//!
//! # fn main() -> Result<(), silverback::Error> {
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let url = format!("ws://{}/", listener.local_addr()?);
//! let server = std::thread::spawn(move || {
//!     let (stream, _) = listener.accept()?;
//!     let mut conn = blocking::accept(&Upgrader::new(), stream)?;
//!     while let Some(message) = conn.read_message()? {
//!         conn.write_message(message)?;
//!     }
//!     Ok::<_, silverback::Error>(())
//! });
//!
//! let mut conn = blocking::dial(&url)?;
//! conn.write_message("hello")?;
//! assert_eq!(conn.read_message()?, Some("hello".into()));
//! conn.close(1000, "")?;
//! # server.join().unwrap()?;
//! # Ok(()) }
//! ```
//!
//! The options are those of [`Dialer`] and [`Upgrader`], and the same state machine drives every connection, as in the
//! rest of the crate. Here too, the read methods answer pings, record pongs and reply to Close frames. A program that
//! does not read does not answer pings.
//!
//! # Time
//! [`Conn::set_read_timeout`] and [`Conn::set_write_timeout`] limit how long a call waits. When that time is over, the
//! call fails with [`WaitError::TimedOut`], and nothing is lost: a half-received frame is kept for the next call, and a
//! message that found no room was not accepted. Dialling, accepting and closing have the timeouts of [`Dialer`],
//! [`Upgrader`] and [`Config`](crate::Config).
//!
//! # Threads
//! One thread of the process, `silverback-io`, watches the sockets of all blocking connections and sends their
//! remaining output. The first connection starts this thread. It never ends, but it does not keep the process from
//! ending. Reading, writing and the protocol itself run in the calling thread, so the two halves of [`Conn::split`]
//! work side by side. Host names are resolved in temporary threads.
//!
//! Accepted messages are sent even if every handle is dropped, but not after the process has ended. Call
//! [`Conn::close`] or [`Conn::flush`] before that.
//!
//! `fork` copies only the calling thread. A process that forks and continues without `exec` must use this module only
//! after the fork, because the child has no thread that watches its sockets. Connections that the child then dials have
//! mask keys of their own (see [`Dialer`]).
//!
//! # In programs with a runtime
//! A task must not block. In a task of any tokio runtime, calls that could wait fail with [`WaitError::InTask`].
//! [`Writer::try_write_message`], `ping` and `start_close` never wait. All calls work in `tokio::task::spawn_blocking`
//! and `block_in_place`. Tasks of other executors, and futures in `tokio::task::unconstrained`, look like plain threads
//! and are not detected.
//!
//! This module uses sockets of the standard library. For a TLS server, or behind an HTTP/1.1 server, use the
//! asynchronous types. For TLS in a client, set it on the [`Dialer`].

mod conn;
pub(crate) mod error;
mod inside;
#[cfg(feature = "json")]
mod json;
mod message_reader;
mod message_writer;
mod reader;
mod runtime;
mod socket;
mod wait;
mod writer;

use http::Response;
use tokio::runtime::Handle;

pub use self::{
    conn::Conn,
    error::WaitError,
    message_reader::MessageReader,
    message_writer::MessageWriter,
    reader::{Messages, Reader},
    socket::Socket,
    writer::Writer,
};
use self::{
    runtime::runtime,
    wait::{check_not_in_task, wait},
};
use crate::{dial::Dialer, error::Error, upgrade::Upgrader};

/// Connects to the server of a URL, with the default options of [`Dialer`].
///
/// # Errors
/// Fails with [`Error::Dial`], which has the step that failed and the server's response; with [`Error::Io`] if the
/// thread that watches the sockets cannot be started; and with [`Error::Wait`] in a task.
pub fn dial(url: &str) -> Result<Conn, Error> {
    dial_with(&Dialer::new(), url)
}

/// Connects to the server of a URL, with the options of this dialer.
///
/// ```no_run
/// use std::time::Duration;
/// use silverback::{Dialer, blocking};
///
/// # fn run() -> Result<(), silverback::Error> {
/// let dialer = Dialer::new().bearer_auth("secret").subprotocols(["chat"]).timeout(Duration::from_secs(3));
/// let mut conn = blocking::dial_with(&dialer, "ws://localhost:8000/chat")?;
/// # conn.ping(b"")
/// # }
/// ```
///
/// # Errors
/// As [`dial`].
pub fn dial_with(dialer: &Dialer, url: &str) -> Result<Conn, Error> {
    let (runtime, conn) = open(dialer.dial(url))?;
    Ok(Conn::new(runtime, conn))
}

/// Does the same as [`dial_with`], and also returns the server's response; see [`Dialer::dial_with_response`].
///
/// # Errors
/// As [`dial`].
pub fn dial_with_response(dialer: &Dialer, url: &str) -> Result<(Conn, Response<()>), Error> {
    let (runtime, (conn, response)) = open(dialer.dial_with_response(url))?;
    Ok((Conn::new(runtime, conn), response))
}

/// Does the opening handshake on a socket that is already connected to the server; see [`Dialer::dial_on`].
///
/// # Errors
/// As [`dial`].
pub fn dial_on(dialer: &Dialer, socket: impl Socket, url: &str) -> Result<Conn, Error> {
    let (runtime, conn) = open(async {
        let stream = socket.into_stream()?;
        Ok::<_, Error>(dialer.dial_on(stream, url).await?)
    })?;
    Ok(Conn::new(runtime, conn))
}

/// Does the server's side of the opening handshake on an accepted socket. If the client is rejected, it is told why
/// before this returns.
///
/// # Errors
/// Fails with [`Error::Upgrade`] if the request is not an acceptable handshake, if the hook rejects it, or if it does
/// not arrive in time; with [`Error::Io`] if the socket cannot be taken over or the thread that watches the sockets
/// cannot be started; and with [`Error::Wait`] in a task.
pub fn accept(upgrader: &Upgrader, socket: impl Socket) -> Result<Conn, Error> {
    let (runtime, conn) = open(async {
        let stream = socket.into_stream()?;
        Ok::<_, Error>(upgrader.accept(stream).await?)
    })?;
    Ok(Conn::new(runtime, conn))
}

/// Waits for `opening`, which opens a connection and has its own timeouts.
fn open<T, E: Into<Error>>(opening: impl Future<Output = Result<T, E>>) -> Result<(&'static Handle, T), Error> {
    check_not_in_task()?;
    let runtime = runtime()?;
    let opened = wait(runtime, None, opening)?.map_err(Into::into)?;
    Ok((runtime, opened))
}
