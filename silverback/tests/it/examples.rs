//! The examples, as programs, against real clients.

mod autobahn;
#[cfg(unix)]
mod chat;
#[cfg(unix)]
mod command;
#[cfg(unix)]
mod echo;
#[cfg(unix)]
mod everyday;
#[cfg(unix)]
mod filewatch;
mod running;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use silverback::{Dialer, MessageKind};
use tokio::io::AsyncWriteExt;

use self::running::{Running, build_folder};
use crate::support::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_low_level_server_talks_to_our_dialer() {
    let server = Running::start("low_level_server", &["127.0.0.1:0"]);
    let mut conn = within(Dialer::new().dial(&server.address)).await.unwrap();
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

    let mut conn = within(Dialer::new().dial(&server.address)).await.unwrap();
    within(conn.close(4000, "ours")).await.unwrap();
    assert!(conn.close_info().unwrap().is_clean);
}

/// A reader copies the command from the top of an example, or finds the example in the list.
#[test]
fn each_example_names_its_command_and_is_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let list = std::fs::read_to_string(root.join("silverback/examples/README.md")).unwrap();
    for package in ["silverback", "silverback-axum", "silverback-hub"] {
        for entry in std::fs::read_dir(root.join(package).join("examples")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let source = if path.is_dir() { path.join("main.rs") } else { path.clone() };
            let Ok(source) = std::fs::read_to_string(source) else { continue };
            if !source.starts_with("//!") || name == "README" {
                continue;
            }
            assert!(list.contains(&format!("`{name}`")), "{name} is not in the list");
            let command = format!("-p {package} --example {name}");
            assert!(source.contains(&command), "{name} does not name its command: {command}");
        }
    }
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
    let server = Running::start("low_level_server", &["127.0.0.1:0"]);
    let output = Command::new(python).args(["-c", PYTHON_CLIENT, &server.address]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
