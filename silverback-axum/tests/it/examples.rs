//! The example `chat_with_login`, as a program.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use silverback::{Conn, Dialer, Message};

use crate::support::{ask, within};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start() -> (Running, SocketAddr) {
    let this = env::current_exe().unwrap();
    let folder = this.ancestors().nth(2).unwrap();
    let program = folder.join("examples/chat_with_login").with_extension(env::consts::EXE_EXTENSION);
    if !program.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "silverback-axum", "--example", "chat_with_login"]);
        cargo.arg("--target-dir").arg(folder.parent().unwrap());
        assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    }
    let mut child = Command::new(program).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening http://").unwrap().parse().unwrap();
    (Running(child), address)
}

/// Returns the head of the response, with the cookie if the login succeeded.
async fn log_in(address: SocketAddr, name: &str, password: &str) -> String {
    let body = format!("{name}\n{password}");
    let head = format!("POST /login HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", body.len());
    ask(address, &(head + &body)).await.0
}

/// Logs in and returns a dialer of a page of this origin, with the cookie of the session.
async fn guest(address: SocketAddr, name: &str, origin: &str) -> Dialer {
    let head = log_in(address, name, "silver").await;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("httponly; samesite=strict"), "{cookie}");
    Dialer::new().header("Cookie", cookie.split(';').next().unwrap()).origin(origin)
}

async fn enter(address: SocketAddr, name: &str) -> Conn {
    let dialer = guest(address, name, &format!("http://{address}")).await;
    within(dialer.dial(&format!("ws://{address}/ws"))).await.unwrap()
}

async fn text(conn: &mut Conn) -> String {
    let message = within(conn.read_message()).await.unwrap();
    message.as_ref().and_then(Message::as_text).unwrap().to_owned()
}

#[tokio::test]
async fn guests_who_have_logged_in_talk_to_each_other() {
    let (_running, address) = start();
    let mut ada = enter(address, "Ada").await;
    assert_eq!(text(&mut ada).await, "Ada joined");
    let mut bob = enter(address, "Bob").await;
    assert_eq!([text(&mut ada).await, text(&mut bob).await], ["Bob joined", "Bob joined"]);
    bob.write_message("hello").await.unwrap();
    bob.flush().await.unwrap();
    assert_eq!([text(&mut ada).await, text(&mut bob).await], ["Bob: hello", "Bob: hello"]);
    bob.close(1000, "").await.unwrap();
    assert_eq!(text(&mut ada).await, "Bob left");
}

#[tokio::test]
async fn nobody_enters_without_a_session_or_from_another_site() {
    let (_running, address) = start();
    assert!(log_in(address, "Eve", "gold").await.starts_with("http/1.1 401"));
    let url = format!("ws://{address}/ws");
    for dialer in [Dialer::new(), Dialer::new().header("Cookie", "session=0123")] {
        let refused = within(dialer.dial(&url)).await.unwrap_err();
        assert_eq!(refused.refusal().unwrap().status, 401);
    }
    let refused = within(guest(address, "Eve", "http://evil.example").await.dial(&url)).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().status, 403);
}
