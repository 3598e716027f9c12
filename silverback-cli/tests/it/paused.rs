//! The program is stopped for longer than its timeouts, as by a debugger, a container's freezer or a laptop that sleeps. What
//! its peers sent meanwhile was in time: a timeout measures the silence of the peer.

use std::{
    io::Write,
    net::TcpStream,
    process::Stdio,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    connect::{
        command,
        servers::{Server, accepting, close, frame, read_frame},
        wait_for,
    },
    support::{PATIENCE, Program, RawClient, frame as client_frame, handshake, read_answer},
};

/// Stops the program while it waits for events, and continues it after its timeouts have passed.
fn pause(pid: Pid, action: impl FnOnce()) {
    thread::sleep(Duration::from_millis(200));
    kill_process(pid, Signal::STOP).unwrap();
    thread::sleep(Duration::from_millis(200));
    action();
    thread::sleep(PAUSE);
    kill_process(pid, Signal::CONT).unwrap();
}

const PAUSE: Duration = Duration::from_millis(3_500);
const TIMEOUT: &str = "3s";
const CONNECTIONS: usize = 20;

fn pid_of(program: &Program) -> Pid {
    Pid::from_raw(program.pid() as i32).unwrap()
}

#[test]
fn the_service_keeps_connections_whose_pongs_have_come() {
    let options = ["--threads", "1", "--ping-interval", "1s", "--ping-timeout", TIMEOUT];
    let program = Program::start(&options);
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| RawClient::connect(program.address)).collect();
    let pings: Vec<_> = clients.iter_mut().map(RawClient::receive).collect();
    pause(pid_of(&program), || {
        for (client, (opcode, ping)) in clients.iter_mut().zip(&pings) {
            assert_eq!(*opcode, 0x89);
            client.send(&[client_frame(0x8A, ping), client_frame(0x81, b"hi")].concat());
        }
    });
    for client in &mut clients {
        assert_eq!(client.receive(), (0x81, b"hi".to_vec()));
    }
}

#[test]
fn the_service_accepts_handshakes_that_have_come() {
    let program = Program::start(&["--threads", "1", "--handshake-timeout", TIMEOUT]);
    let request = handshake(program.address, &[]);
    let (begin, rest) = request.split_at(60);
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| TcpStream::connect(program.address).unwrap()).collect();
    for client in &mut clients {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(begin.as_bytes()).unwrap();
    }
    pause(pid_of(&program), || clients.iter_mut().for_each(|client| client.write_all(rest.as_bytes()).unwrap()));
    for client in &mut clients {
        assert_eq!(read_answer(client, false).status, 101);
    }
}

/// Runs `connect` against a server that stops it. Returns its exit code and its output.
fn connect(options: &[&str], serve: impl FnMut(TcpStream, String, Pid) + Send + 'static) -> (Option<i32>, String) {
    connect_with(None, options, serve)
}

/// The same with an input that ends. Without one, the input stays open.
fn connect_with(
    input: Option<&str>,
    options: &[&str],
    serve: impl FnMut(TcpStream, String, Pid) + Send + 'static,
) -> (Option<i32>, String) {
    let (tell, told) = channel();
    let server = serve_with_pid(told, serve);
    let mut command = command(&["connect", &server.url(), "--no-compression"]);
    command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    tell.send(Pid::from_child(&child)).unwrap();
    let mut stdin = child.stdin.take();
    if let Some(input) = input {
        stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    }
    let output = wait_for(child);
    drop(stdin);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn serve_with_pid(pid: Receiver<Pid>, mut serve: impl FnMut(TcpStream, String, Pid) + Send + 'static) -> Server {
    Server::start(move |stream, head| {
        let pid = pid.recv_timeout(PATIENCE).unwrap();
        serve(stream, head, pid);
    })
}

fn reply_to_close(stream: &mut TcpStream) {
    let (opcode, payload) = read_frame(stream);
    assert_eq!(opcode, 8);
    stream.write_all(&frame(0x88, &payload)).unwrap();
}

#[test]
fn the_client_keeps_a_connection_whose_pong_has_come() {
    let ended = connect(&["-n", "1", "--ping-interval", "1s", "--ping-timeout", TIMEOUT], |mut stream, head, pid| {
        stream.write_all(accepting(&head).as_bytes()).unwrap();
        let (opcode, ping) = read_frame(&mut stream);
        assert_eq!(opcode, 9);
        pause(pid, || stream.write_all(&[frame(0x8A, &ping), frame(0x81, b"hi")].concat()).unwrap());
        reply_to_close(&mut stream);
    });
    assert_eq!(ended, (Some(0), "hi\n".into()));
}

#[test]
fn the_client_takes_an_answer_that_has_come() {
    let ended = connect(&["-n", "1", "--connect-timeout", TIMEOUT], |mut stream, head, pid| {
        pause(pid, || stream.write_all(accepting(&head).as_bytes()).unwrap());
        stream.write_all(&frame(0x81, b"hi")).unwrap();
        reply_to_close(&mut stream);
    });
    assert_eq!(ended, (Some(0), "hi\n".into()));
}

#[test]
fn the_client_takes_a_close_that_has_come() {
    let ended = connect(&["-n", "1", "--close-timeout", TIMEOUT], |mut stream, head, pid| {
        stream.write_all(accepting(&head).as_bytes()).unwrap();
        stream.write_all(&frame(0x81, b"hi")).unwrap();
        let (opcode, _) = read_frame(&mut stream);
        assert_eq!(opcode, 8);
        pause(pid, || stream.write_all(&close(1000, "")).unwrap());
    });
    assert_eq!(ended, (Some(0), "hi\n".into()));
}

#[test]
fn the_client_takes_a_reply_that_has_come() {
    let ended = connect_with(Some("hello\n"), &["-n", "1", "--wait", TIMEOUT], |mut stream, head, pid| {
        stream.write_all(accepting(&head).as_bytes()).unwrap();
        let (opcode, _) = read_frame(&mut stream);
        assert_eq!(opcode, 1);
        pause(pid, || stream.write_all(&frame(0x81, b"hi")).unwrap());
        reply_to_close(&mut stream);
    });
    assert_eq!(ended, (Some(0), "hi\n".into()));
}
