//! Sockets that another program has bound, as systemd does: who connects before the program starts or while it restarts is
//! answered.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixListener,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::Signal;
use silverback_testkit::{broker::installed, front::free_address};

use crate::{
    admin::metric,
    support::{PATIENCE, Program, RawClient, check_echo, dial, get, handshake, read_answer, run, wait_until, within},
};

/// Sends a handshake, and returns the socket before the answer.
fn ask(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(handshake(address, &[]).as_bytes()).unwrap();
    stream
}

#[track_caller]
fn check_accepted(stream: &mut TcpStream) {
    assert_eq!(read_answer(stream, false).status, 101);
}

#[test]
fn who_connects_before_the_start_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut early: Vec<_> = (0..20).map(|_| ask(address)).collect();
    let mut program = Program::start_with_socket(listener.into(), "main", &["--quiet"]);
    assert_eq!(program.address, address, "its own default address is not used");
    early.iter_mut().for_each(check_accepted);
    program.signal(Signal::TERM);
    drop(early);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
}

/// With several threads and while clients connect all the time. Each of them must be answered.
#[test]
fn a_restart_loses_nobody_who_connects_meanwhile() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let start = || {
        let socket = listener.try_clone().unwrap();
        Program::start_with_socket(socket.into(), "main", &["--quiet", "--threads", "3"])
    };
    let mut program = start();
    let (is_over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (is_over, answered) = (is_over.clone(), answered.clone());
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    check_accepted(&mut ask(address));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let before = answered.load(Ordering::Relaxed);
        wait_until("clients connect", || {
            answered.load(Ordering::Relaxed) > before + 50 || clients.iter().any(|client| client.is_finished())
        });
        program.signal(Signal::TERM);
        assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
        // Nobody listens for these but the kernel.
        let mut waiting: Vec<_> = (0..20).map(|_| ask(address)).collect();
        program = start();
        waiting.iter_mut().for_each(check_accepted);
    }
    is_over.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().expect("each client got an answer each time"));
}

/// The request of a client that has connected is on its way when the signal comes. The program sees both at once.
#[test]
fn a_client_that_has_connected_before_the_signal_is_still_answered() {
    // Other threads would have queues of their own, in which a socket may wait longer.
    let mut program = Program::start(&["--quiet", "--threads", "1"]);
    let _open = RawClient::connect(program.address);
    let mut stream = TcpStream::connect(program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // This answer comes after the program has accepted the socket before.
    assert_eq!(get(program.address, "/healthz").status, 200);
    program.signal(Signal::STOP);
    program.signal(Signal::TERM);
    stream.write_all(handshake(program.address, &[]).as_bytes()).unwrap();
    program.signal(Signal::CONT);
    check_accepted(&mut stream);
    drop((stream, _open));
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
}

#[tokio::test]
async fn a_unix_socket_may_be_given_and_its_file_stays() {
    let path = std::env::temp_dir().join(format!("silverback-it-given-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let mut program = Program::start_with_socket(listener.into(), "main", &["--quiet"]);
    let dialer = silverback::Dialer::new().unix_socket(&path);
    let mut conn = within(dialer.dial("ws://localhost/ws/echo")).await.unwrap();
    check_echo(&mut conn, "hello").await;
    assert!(program.output().contains(&format!("through the Unix socket {}\n", path.display())));
    drop(conn);
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code(), Some(0), "{}", program.errors());
    assert!(path.exists(), "it belongs to systemd");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_socket_that_cannot_be_used_is_an_error() {
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = {
        let listener = listener();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap()
    };
    for (socket, name, options, expected) in [
        (listener().into(), "tls", &[][..], "is named `tls`, so --tls-cert or --tls-self-signed is needed"),
        (connected.into(), "main", &[], "the socket `main` of LISTEN_FDS does not listen"),
        (std::net::UdpSocket::bind("127.0.0.1:0").unwrap().into(), "x", &[], "is neither a TCP socket nor a Unix"),
        // A hub without keys is open to everybody on loopback alone, and these sockets may be anywhere.
        (listener().into(), "main", &["hub"], "nobody could connect, because the hub has no keys for tokens"),
    ] {
        let (code, errors) = Program::run_with_socket(socket, name, options);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
}

#[test]
fn variables_that_do_not_fit_together_are_an_error() {
    for (count, names, expected) in [
        ("two", "", "LISTEN_FDS is `two`, but must be a number from 0 to 64"),
        ("-1", "", "LISTEN_FDS is `-1`"),
        ("65", "", "LISTEN_FDS is `65`"),
        // Which of the two is for operators?
        ("2", "admin", "LISTEN_FDNAMES has 1 names, but LISTEN_FDS is 2"),
        ("1", "main:admin", "LISTEN_FDNAMES has 2 names, but LISTEN_FDS is 1"),
    ] {
        let (code, _, errors) = run(&[], &[("LISTEN_FDS", count), ("LISTEN_FDNAMES", names)]);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
}

#[test]
fn the_sockets_of_another_process_mean_nothing() {
    for (options, count) in [(&[][..], "1"), (&[], "65"), (&["hub"], "1")] {
        let of_another = [("LISTEN_FDS", count), ("LISTEN_PID", "1"), ("SILVERBACK_LISTEN", "127.0.0.1:0")];
        let program = Program::start_with(options, &of_another);
        assert_eq!(get(program.address, "/healthz").status, 200, "{options:?}");
    }
}

/// systemd's own tool, with names.
#[tokio::test]
async fn systemd_gives_sockets_for_clients_and_for_operators_by_their_names() {
    let Some(activate) = installed("SILVERBACK_SOCKET_ACTIVATE", "systemd-socket-activate", "Debian: systemd") else {
        return;
    };
    let (main, admin) = (free_address(), free_address());
    let mut command = Command::new(activate);
    command.args(["-l", &main.to_string(), "-l", &admin.to_string(), "--fdname=main:admin"]);
    command.arg(PathBuf::from(env!("CARGO_BIN_EXE_silverback"))).args(["--quiet", "--listen", "127.0.0.1:1"]);
    // The tool starts the program when the first client connects.
    let first = thread::spawn(move || {
        while TcpStream::connect(main).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let program = Program::spawn(command);
    first.join().unwrap();
    assert_eq!(program.address, main);
    let mut conn = dial(main).await;
    check_echo(&mut conn, "hello").await;
    wait_until("it is counted", || metric(admin, "websocket_connections{role=\"server\"}") == Some(1.0));
    assert_eq!(get(main, "/metrics").status, 404);
}
