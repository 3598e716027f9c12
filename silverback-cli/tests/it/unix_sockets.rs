//! Listening on Unix sockets: their files, who may connect, and whom a request may name as its host.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::PathBuf,
};

use rustix::process::Signal;
use silverback::{CloseCode, Conn, Dialer};

use crate::support::{PATIENCE, Program, ask, check_echo, handshake, run, wait_until, within};

/// A folder for sockets, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("silverback-it-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> String {
        self.0.join("echo.sock").to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program on 127.0.0.1 and on a Unix socket.
fn start(path: &str, options: &[&str]) -> Program {
    let listen = ["--listen", "127.0.0.1:0", "--listen", &format!("unix:{path}")];
    let program = Program::start_with(&[&listen, options].concat(), &[]);
    program.wait_for_output(&format!("through the Unix socket {path}\n"));
    program
}

async fn dial(path: &str) -> Conn {
    within(Dialer::new().unix_socket(path).dial("ws://localhost/ws/echo")).await.unwrap()
}

/// The status of the answer to a handshake over the Unix socket.
fn status(path: &str, request: &str) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    String::from_utf8_lossy(&start[9..]).into_owned()
}

#[tokio::test]
async fn connections_are_served_and_closed_like_others() {
    let folder = Folder::new("served");
    let path = folder.socket();
    for threads in ["1", "3"] {
        let mut program = start(&path, &["--threads", threads]);
        let mut conns = Vec::new();
        for number in 0..6 {
            let mut conn = dial(&path).await;
            check_echo(&mut conn, format!("message {number}")).await;
            conns.push(conn);
        }
        program.wait_for_output(&format!("\nprocess {} sent: message 5\n", std::process::id()));
        program.signal(Signal::TERM);
        wait_until("the file is gone", || !fs::exists(&path).unwrap());
        for conn in &mut conns {
            assert_eq!(within(conn.read_message()).await.unwrap(), None);
            assert_eq!(conn.close_info().unwrap().code, CloseCode::GOING_AWAY);
        }
        drop(conns);
        assert_eq!(program.wait().code(), Some(0));
        assert!(program.errors().contains("closing 6 connections"), "{}", program.errors());
    }
}

#[test]
fn the_file_has_the_mode_that_is_asked_for() {
    let folder = Folder::new("mode");
    let path = folder.socket();
    for (options, variables) in [(&["--listen-mode", "660"][..], &[][..]), (&[], &[("SILVERBACK_LISTEN_MODE", "0606")])]
    {
        let listen = format!("127.0.0.1:0, unix://{path}");
        let program = Program::start_with(options, &[&[("SILVERBACK_LISTEN", listen.as_str())], variables].concat());
        program.wait_for_output("through the Unix socket");
        let mode = if variables.is_empty() { 0o660 } else { 0o606 };
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        program.check_stops_empty();
    }
    for mode in ["888", "rw-rw----", "7777", "0x1ff"] {
        let (code, _, errors) = run(&["--listen", &format!("unix:{path}"), "--listen-mode", mode], &[]);
        assert!(code == Some(2) && errors.contains("octal"), "{mode}: {errors}");
    }
    assert!(!fs::exists(&path).unwrap());
}

#[tokio::test]
async fn what_a_killed_service_left_is_replaced_and_nothing_else() {
    let folder = Folder::new("left");
    let path = folder.socket();
    let listen = format!("unix:{path}");
    let mut killed = start(&path, &[]);
    killed.signal(Signal::KILL);
    killed.wait();
    assert!(fs::exists(&path).unwrap());

    let program = start(&path, &[]);
    check_echo(&mut dial(&path).await, "hello").await;
    let (code, _, errors) = run(&["--listen", &listen], &[]);
    assert!(code == Some(3) && errors.contains("another program listens there"), "{errors}");
    check_echo(&mut dial(&path).await, "still here").await;
    drop(program);

    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    let (code, _, errors) = run(&["--listen", &listen], &[]);
    assert!(code == Some(3) && errors.contains("not a socket") && errors.contains(&path), "{errors}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn a_service_that_does_not_start_leaves_no_socket() {
    let folder = Folder::new("failed");
    let path = folder.socket();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = taken.local_addr().unwrap().to_string();
    let (code, _, errors) = run(&["--listen", &format!("unix:{path}"), "--listen", &tcp], &[]);
    assert!(code == Some(3) && errors.contains("in use"), "{errors}");
    assert!(!fs::exists(&path).unwrap());
    let _mine = UnixListener::bind(&path).unwrap();
}

#[test]
fn any_host_may_be_named_unless_some_are_allowed() {
    let folder = Folder::new("hosts");
    let path = folder.socket();
    let request = |host: &str, program: &Program| {
        let request = handshake(program.address, &[("Origin", &format!("http://{host}"))]);
        request.replace(&format!("Host: {}", program.address), &format!("Host: {host}"))
    };
    let program = start(&path, &[]);
    let over_tcp = |program: &Program, host: &str| ask(program.address, &request(host, program)).status;
    // The TCP socket is on loopback, so pages can reach it by DNS rebinding.
    assert_eq!(over_tcp(&program, "any.example"), 403);
    assert_eq!(over_tcp(&program, "localhost"), 101);
    assert_eq!(status(&path, &request("any.example", &program)), "101");
    // Pages of other origins are refused there, too.
    let foreign = request("any.example", &program).replace("http://any.example", "http://other.example");
    assert_eq!(status(&path, &foreign), "403");
    drop(program);

    let program = start(&path, &["--allow-host", "a.example"]);
    for (host, expected) in [("a.example", 101), ("localhost", 101), ("any.example", 403)] {
        assert_eq!(over_tcp(&program, host), expected, "{host}");
        assert_eq!(status(&path, &request(host, &program)), expected.to_string(), "{host}");
    }
    wait_until("the refusal is told", || {
        let process = format!("refused process {} with 403", std::process::id());
        program.errors().lines().any(|line| line.contains(&process) && line.contains("any.example"))
    });
}

#[test]
fn a_service_may_have_a_unix_socket_alone() {
    let folder = Folder::new("alone");
    let path = folder.socket();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_silverback"))
        .args(["--listen", &path, "--quiet"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until("it listens", || UnixStream::connect(&path).is_ok());
    let address = ([127, 0, 0, 1], 1).into();
    assert_eq!(status(&path, &handshake(address, &[])), "101");
    let (code, out, errors) =
        run(&["connect", "ws://any.example/ws/echo", "--unix-socket", &path, "--send", "hello", "--count", "1"], &[]);
    assert_eq!((code, out.as_str()), (Some(0), "hello\n"), "{errors}");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!fs::exists(&path).unwrap());
}
