//! Programs on free ports, plain HTTP requests, and a deadline that only a hang can miss.

use std::{
    future::Future,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use silverback::{Conn, Dialer, Message};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// A program of the tutorial, which ends with this.
pub(crate) struct Running {
    child: Child,
    /// Without a reader, the program could not print.
    _output: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Running {
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        terminate(&self.child);
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) {
        while self.child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Sends SIGTERM.
#[cfg(unix)]
pub(crate) fn terminate(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};

    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it on a free port and reads its address from its first line.
pub(crate) fn start(program: &str) -> Running {
    start_with(Command::new(program).arg("127.0.0.1:0"))
}

pub(crate) fn start_with(command: &mut Command) -> Running {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("Open http://").unwrap().trim_end_matches('/').parse().unwrap();
    Running { child, _output: output, address }
}

/// The head and the body of the response to a request with these headers and body.
pub(crate) async fn ask(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    within(stream.read_to_end(&mut response)).await.unwrap();
    let response = String::from_utf8(response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The cookie of a session, as a browser would send it back.
pub(crate) async fn log_in(address: SocketAddr, name: &str) -> String {
    let (head, _) = ask(address, "POST /login", &[], &format!("{name}\nsilver")).await;
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let (_, cookie) = headers.find(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax;"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// Opens a WebSocket as a page of this address does.
pub(crate) async fn enter(address: SocketAddr, dialer: Dialer) -> Conn {
    let dialer = dialer.origin(&format!("http://{address}"));
    within(dialer.dial(&format!("ws://{address}/ws"))).await.unwrap()
}

pub(crate) async fn say(conn: &mut Conn, text: &str) {
    conn.write_message(text).await.unwrap();
    conn.flush().await.unwrap();
}

pub(crate) async fn hear(conn: &mut Conn) -> String {
    let message = within(conn.read_message()).await.unwrap();
    message.as_ref().and_then(Message::as_text).unwrap().to_owned()
}

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(60), future).await.expect("it took more than a minute")
}
