//! Free ports, and waiting until a service is ready.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, OrFailed as _};
use crate::process::Running;

/// A loopback address with a free port.
pub(crate) fn free_address() -> Result<SocketAddr, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).or_failed("no free port")?;
    listener.local_addr().or_failed("no free port")
}

/// Waits until `is_ready` says so while the program lives.
pub(crate) fn wait_until(running: &mut Running, what: &str, is_ready: impl Fn() -> bool) -> Result<(), Error> {
    let deadline = Instant::now() + LIMIT;
    while !is_ready() {
        if let Some(status) = running.has_ended()? {
            return Err(Error::Failed(format!("{what} ended with {status} before it was ready")));
        }
        if Instant::now() >= deadline {
            return Err(Error::Failed(format!("{what} was not ready within {} s", LIMIT.as_secs())));
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// Does anyone accept connections there?
pub(crate) fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, ANSWER_LIMIT).is_ok()
}

/// Does GET of `path` answer 200 with a body that begins with `body`?
pub(crate) fn answers(address: SocketAddr, path: &str, body: &str) -> bool {
    get(address, path).is_ok_and(|answer| {
        let (head, rest) = answer.split_once("\r\n\r\n").unwrap_or_default();
        head.starts_with("HTTP/1.1 200") && rest.starts_with(body)
    })
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

const LIMIT: Duration = Duration::from_secs(30);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);
