//! The server's side, and the example as a program.

use std::{
    env,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

use silverback::{
    Dialer, Error, Upgrader,
    blocking::{self, Conn},
};
use silverback_testkit::wire::{CLIENT_KEY, text};
use tokio::runtime::Builder;

use super::{AsyncEcho, Peer, patient};
use crate::support::{PATIENCE, request, within};

fn echo(mut conn: Conn) -> Result<(), Error> {
    while let Some(message) = conn.read_message()? {
        conn.write_message(message)?;
    }
    Ok(())
}

/// A thread for each connection, until the listener is dropped.
fn serve(listener: TcpListener, count: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let serving: Vec<_> = (0..count)
            .map(|_| {
                let (stream, _) = listener.accept().unwrap();
                thread::spawn(move || echo(patient(blocking::accept(&Upgrader::new(), stream).unwrap())).unwrap())
            })
            .collect();
        serving.into_iter().for_each(|thread| thread.join().unwrap());
    })
}

#[test]
fn asynchronous_clients_talk_to_a_blocking_server() {
    const CLIENTS: usize = 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serving = serve(listener, CLIENTS);
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut conns = Vec::new();
        for _ in 0..CLIENTS {
            conns.push(within(Dialer::new().dial(&url)).await.unwrap());
        }
        for (number, conn) in conns.iter_mut().enumerate() {
            conn.write_message(number.to_string()).await.unwrap();
        }
        for (number, mut conn) in conns.into_iter().enumerate() {
            assert_eq!(within(conn.read_message()).await.unwrap(), Some(number.to_string().into()));
            within(conn.close(1000, "")).await.unwrap();
        }
    });
    serving.join().unwrap();
}

#[test]
fn bytes_that_came_with_the_request_are_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = Peer::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap(), true);
    peer.send(&[request("").into_bytes(), text("early").masked(CLIENT_KEY).encode()].concat());
    let mut conn = patient(blocking::accept(&Upgrader::new(), listener.accept().unwrap().0).unwrap());
    assert_eq!(conn.read_message().unwrap(), Some("early".into()));
}

#[test]
fn a_client_that_is_turned_away_is_told_why() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = Peer::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap(), true);
    peer.send(request("Origin: https://elsewhere.example\r\n").as_bytes());
    let error = blocking::accept(&Upgrader::new(), listener.accept().unwrap().0).unwrap_err();
    assert!(matches!(error, Error::Upgrade(_)), "{error}");
    assert_eq!(peer.head().status(), 403);
}

#[cfg(unix)]
#[test]
fn both_sides_may_be_blocking_on_a_unix_socket() {
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    let serving = thread::spawn(move || echo(patient(blocking::accept(&Upgrader::new(), far).unwrap())));
    let mut conn = patient(blocking::dial_on(&Dialer::new(), near, "ws://localhost/").unwrap());
    conn.write_message("hello").unwrap();
    assert_eq!(conn.read_message().unwrap(), Some("hello".into()));
    conn.close(1000, "").unwrap();
    serving.join().unwrap().unwrap();
}

#[test]
fn a_port_where_nobody_listens_is_told_by_its_step() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    match blocking::dial(&format!("ws://{address}/")) {
        Err(Error::Dial(error)) => assert_eq!(error.step(), Some(silverback::dial::DialStep::Connect)),
        other => panic!("expected an error of the dialer, got {other:?}"),
    }
}

/// A program ends although our thread does not, also with a connection that was never closed.
mod the_example {
    use super::*;

    /// The program. `cargo test` has built it, unless it was told to build this test alone.
    fn program() -> PathBuf {
        let this = env::current_exe().unwrap();
        let folder = this.ancestors().nth(2).unwrap();
        let program = folder.join("examples/blocking_client").with_extension(env::consts::EXE_EXTENSION);
        if !program.exists() {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "--package", "silverback", "--features", "blocking"]);
            cargo.args(["--example", "blocking_client", "--target-dir"]).arg(folder.parent().unwrap());
            assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
        }
        program
    }

    /// The status and the lines of the program.
    fn run(url: &str, input: &str) -> (bool, Vec<String>) {
        let mut command = Command::new(program());
        command.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let (tell, told) = mpsc::channel();
        let mut output = child.stdout.take().unwrap();
        thread::spawn(move || {
            let mut printed = String::new();
            output.read_to_string(&mut printed).unwrap();
            tell.send(printed).unwrap();
        });
        let printed = told.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let _ = child.kill();
            panic!("it does not end");
        });
        (child.wait().unwrap().success(), printed.lines().map(str::to_owned).collect())
    }

    #[test]
    fn prints_the_answers_and_ends() {
        let server = AsyncEcho::start();
        let (succeeded, lines) = run(&server.url, "one\ntwo\nthree\n");
        assert!(succeeded);
        assert_eq!(lines, [r#"Text("one")"#, r#"Text("two")"#, r#"Text("three")"#]);
    }

    #[test]
    fn fails_and_ends_when_the_server_goes_away() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let leaving = thread::spawn(move || {
            let conn = blocking::accept(&Upgrader::new(), listener.accept().unwrap().0).unwrap();
            drop(conn);
        });
        let (succeeded, lines) = run(&url, "");
        leaving.join().unwrap();
        // It may have closed before it noticed, but its Close got no reply.
        assert!(!succeeded);
        assert_eq!(lines, [] as [&str; 0]);
    }
}
