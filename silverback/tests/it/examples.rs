//! The examples, as programs, against real clients.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use silverback::{Dialer, MessageKind};
use tokio::io::AsyncWriteExt;

use crate::support::within;

/// A program that is ended with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the programs of this build are.
fn build_folder() -> PathBuf {
    let this = env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().to_owned()
}

/// An example as a program. `cargo test` has built it, unless it was told to build this test alone.
fn example(name: &str) -> PathBuf {
    let folder = build_folder();
    let program = folder.join("examples").join(name);
    if program.exists() {
        return program;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "silverback", "--example", name]);
    cargo.arg("--target-dir").arg(folder.parent().unwrap());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    program
}

/// The low-level server and its URL.
fn low_level_server() -> (Running, String) {
    let mut command = Command::new(example("low_level_server"));
    let mut child = command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening ").unwrap().to_owned();
    (Running(child), url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_low_level_server_talks_to_our_dialer() {
    let (_server, url) = tokio::task::spawn_blocking(low_level_server).await.unwrap();
    let mut conn = within(Dialer::new().dial(&url)).await.unwrap();
    for message in ["hello".into(), silverback::Message::from(vec![7; 100_000]), "h\u{e9}".into(), "".into()] {
        conn.write_message(message.clone()).await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), Some(message));
    }
    let mut writer = conn.next_writer(MessageKind::Text).await.unwrap();
    for piece in ["in ", "frag", "ments"] {
        writer.write_all(piece.as_bytes()).await.unwrap();
        writer.flush().await.unwrap();
    }
    writer.finish().await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("in fragments".into()));

    conn.ping(b"are you there").unwrap();
    match within(conn.read_event()).await.unwrap() {
        Some(silverback::Event::Pong(payload)) => assert_eq!(payload.as_slice(), b"are you there"),
        other => panic!("expected a pong, got {other:?}"),
    }

    conn.write_message("bye").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    let info = conn.close_info().unwrap();
    assert_eq!((info.code.get(), info.reason.as_ref(), info.is_clean), (1000, "see you", true));

    let mut conn = within(Dialer::new().dial(&url)).await.unwrap();
    within(conn.close(4000, "ours")).await.unwrap();
    assert!(conn.close_info().unwrap().is_clean);
}

/// Python with `websockets`, where `cargo xtask test` has prepared it or the system has it.
fn python_websockets() -> Option<PathBuf> {
    let prepared = build_folder().parent()?.join("outside/python/bin/python");
    let candidates = [prepared, PathBuf::from("python3")];
    let has_websockets = |python: &Path| {
        let asked = Command::new(python).args(["-c", "import websockets"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    candidates.into_iter().find(|python| has_websockets(python))
}

const PYTHON_CLIENT: &str = r#"
import sys
from websockets.sync.client import connect

with connect(sys.argv[1], max_size=None) as socket:
    for message in ["hello", "h\u00e9llo", b"\x00\xff" * 50000, ""]:
        socket.send(message)
        assert socket.recv() == message
    socket.send(["in ", "frag", "ments"])
    assert socket.recv() == "in fragments"
    assert socket.ping("are you there").wait(30)
    socket.send("bye")
    try:
        socket.recv()
        raise SystemExit("it did not close")
    except Exception as error:
        assert error.rcvd.code == 1000 and error.rcvd.reason == "see you", error
"#;

#[test]
#[allow(clippy::print_stderr, reason = "a test that checks less than it could must say so")]
fn the_low_level_server_talks_to_python_websockets() {
    let Some(python) = python_websockets() else {
        eprintln!("Python websockets is not there: not checked");
        return;
    };
    let (_server, url) = low_level_server();
    let output = Command::new(python).args(["-c", PYTHON_CLIENT, &url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
