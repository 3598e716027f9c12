//! Connections for programs without a runtime: the calls wait in their own thread, as those of [`std::net`] do.
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
//! Everything is set on the same [`Dialer`] and [`Upgrader`], and every connection is driven through the same state
//! machine, as in the rest of the crate. Pings, pongs and closes are served inside the reads here too: a program that
//! does not read answers no ping.
//!
//! # Time
//! [`Conn::set_read_timeout`] and [`Conn::set_write_timeout`] limit what a call waits. A call that has waited too long
//! fails with [`WaitError::TimedOut`] and has lost nothing: half a frame that has come is kept for the next call, and a
//! message that found no room was not accepted. Dialling, accepting and closing have the time limits of
//! [`Dialer`], [`Upgrader`] and [`Config`](crate::Config).
//!
//! # Threads
//! One thread of the process, `silverback-io`, watches the sockets of all blocking connections and sends what is left of
//! their output. The first connection starts it; it never ends, and keeps no process from ending. Reading, writing and
//! the protocol itself happen in the thread that calls, so [`Conn::split`] lets two threads work side by side. Names are
//! looked up in threads that come and go.
//!
//! What was accepted is sent even if every handle is dropped, but not after the end of the process: call
//! [`Conn::close`] or [`Conn::flush`] before.
//!
//! `fork` copies only the thread that calls it. A process that goes on after it, without `exec`, must use this module
//! only afterwards: a child has no thread that would watch its sockets. What it then dials is masked with keys of its own
//! (see [`Dialer`]).
//!
//! # In programs with a runtime
//! A task must not block. Calls that could wait fail in one with [`WaitError::InTask`], whatever tokio runtime it runs
//! on; [`Writer::try_write_message`], `ping` and `start_close` never wait. They work in `tokio::task::spawn_blocking` and
//! `block_in_place`. Executors of other makers, and futures in `tokio::task::unconstrained`, cannot be told from plain
//! threads.
//!
//! What is here serves sockets of the standard library. A TLS server, and what comes by HTTP/1.1 servers, is for the
//! asynchronous types; TLS for clients is the [`Dialer`]'s.

mod conn;
mod error;
mod inside;
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

/// Connects to the server of a URL, with the defaults of [`Dialer`].
///
/// # Errors
/// [`Error::Dial`]: the step that failed, and what the server said; [`Error::Io`] if the thread that watches the
/// sockets could not be started; [`Error::Wait`] in a task.
pub fn dial(url: &str) -> Result<Conn, Error> {
    dial_with(&Dialer::new(), url)
}

/// Connects to the server of a URL as the dialer says.
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

/// The same, with the server's answer; see [`Dialer::dial_with_response`].
///
/// # Errors
/// As [`dial`].
pub fn dial_with_response(dialer: &Dialer, url: &str) -> Result<(Conn, Response<()>), Error> {
    let (runtime, (conn, response)) = open(dialer.dial_with_response(url))?;
    Ok((Conn::new(runtime, conn), response))
}

/// Does the opening handshake on a socket that leads to the server already; see [`Dialer::dial_on`].
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

/// Does the server's side of the opening handshake on a socket that was accepted. A client that is turned away has been
/// told why when this returns.
///
/// # Errors
/// [`Error::Upgrade`]: the request is no acceptable handshake, the hook refused it, or it did not come in time;
/// [`Error::Io`] if the socket cannot be taken over or the thread that watches the sockets could not be started;
/// [`Error::Wait`] in a task.
pub fn accept(upgrader: &Upgrader, socket: impl Socket) -> Result<Conn, Error> {
    let (runtime, conn) = open(async {
        let stream = socket.into_stream()?;
        Ok::<_, Error>(upgrader.accept(stream).await?)
    })?;
    Ok(Conn::new(runtime, conn))
}

/// Does what makes a connection, which has time limits of its own.
fn open<T, E: Into<Error>>(opening: impl Future<Output = Result<T, E>>) -> Result<(&'static Handle, T), Error> {
    check_not_in_task()?;
    let runtime = runtime()?;
    let opened = wait(runtime, None, opening)?.map_err(Into::into)?;
    Ok((runtime, opened))
}
