//! Clients that are slow, silent or gone, while others are served.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, Program, RawClient, check_echo, dial, frame, get, handshake, read_answer, wait_until};

#[tokio::test]
async fn unfinished_and_dripping_heads_are_dropped_while_others_are_served() {
    let program = Program::start(&["--handshake-timeout", "1s", "--threads", "1"]);
    let mut other = dial(program.address).await;
    let address = program.address;
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(address).unwrap()).collect();
    let unfinished: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /ws/echo HTTP/1.1\r\nHost: a\r\nUpgrade: webso").unwrap();
            stream
        })
        .collect();
    let dripping = thread::spawn(move || drip(address));
    check_echo(&mut other, "meanwhile").await;
    assert_eq!(get(address, "/healthz").body, "ok");
    for mut stream in silent.into_iter().chain(unfinished) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(!matches!(&ended, Err(error) if error.kind() == ErrorKind::WouldBlock), "it was not dropped");
    }
    let lasted = dripping.join().unwrap();
    assert!(lasted >= Duration::from_secs(1), "dropped too early: {lasted:?}");
    check_echo(&mut other, "and after it").await;
}

#[cfg(target_os = "linux")]
#[test]
fn a_refused_client_is_kept_no_longer_than_the_handshake_timeout() {
    let program = Program::start(&["--handshake-timeout", "300ms", "--close-timeout", "1h", "--threads", "1"]);
    let before = program.descriptors();
    let mut clients = Vec::new();
    for request in [
        handshake(program.address, &[("Origin", "http://attacker.example")]),
        handshake(program.address, &[]).replace("Version: 13", "Version: 8"),
        "not HTTP\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(program.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        assert!(read_answer(&mut stream, false).status >= 400);
        clients.push(stream);
    }
    // They do not close. Ten seconds would be the library's default.
    let start = Instant::now();
    wait_until("all are dropped", || program.descriptors() == before);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_refused_client_does_not_delay_the_end() {
    let mut program = Program::start(&["--handshake-timeout", "1h", "--close-timeout", "1h"]);
    let mut stream = TcpStream::connect(program.address).unwrap();
    let request = handshake(program.address, &[("Origin", "http://attacker.example")]);
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream, false).status, 403);
    program.signal(rustix::process::Signal::TERM);
    assert_eq!(program.wait().code(), Some(0));
}

#[test]
fn a_head_has_one_timeout_whatever_it_turns_out_to_be() {
    let program = Program::start(&["--handshake-timeout", "4s", "--threads", "1"]);
    let address = program.address;
    let clients = [("GET /ws/echo HTTP/1.1\r\n", "X-A: b\r\nX-"), ("GET /ws/ec", "hoes HTTP/1.0\r\nX-")];
    let clients = clients.map(|(start, more)| {
        thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let begun = Instant::now();
            stream.write_all(start.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(3500));
            stream.write_all(more.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let lasted = begun.elapsed();
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
            assert!(lasted >= Duration::from_secs(4) && lasted < Duration::from_millis(7400), "{lasted:?}");
        })
    });
    clients.into_iter().for_each(|client| client.join().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_does_not_take_its_answer_or_never_ends_its_request_is_dropped() {
    let program = Program::start(&["--handshake-timeout", "300ms", "--threads", "1"]);
    let before = program.descriptors();
    // More pages than the buffers of a socket hold.
    let mut deaf = TcpStream::connect(program.address).unwrap();
    let request = format!("GET /ws/echo_display HTTP/1.1\r\nHost: {}\r\n\r\n", program.address);
    deaf.set_nonblocking(true).unwrap();
    let _ = deaf.write(request.repeat(400).as_bytes()).unwrap();
    deaf.set_nonblocking(false).unwrap();
    assert_eq!(deaf.peek(&mut [0]).unwrap(), 1, "the first answer has begun");
    let mut endless = TcpStream::connect(program.address).unwrap();
    write!(endless, "PUT /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx").unwrap();
    assert_eq!(read_answer(&mut endless, false).status, 405);
    wait_until("both are dropped", || program.descriptors() == before);
    program.check_stops_empty();
}

/// With all descriptors in use it waits for one: it neither ends nor spins.
#[cfg(target_os = "linux")]
#[test]
fn a_lack_of_descriptors_is_survived() {
    let mut program = Program::start_limited(40, &["--threads", "1"]);
    let mut clients: Vec<_> = (0..60).map(|_| TcpStream::connect(program.address).unwrap()).collect();
    wait_until("it reports the failure", || program.errors().contains("cannot accept connections"));
    let (start, used) = (Instant::now(), program.processor_time());
    thread::sleep(Duration::from_secs(1));
    let (lasted, used) = (start.elapsed(), program.processor_time() - used);
    assert!(used < lasted / 4, "it spins: {used:?} of {lasted:?}");
    assert!(program.is_running());
    clients.clear();
    assert_eq!(get(program.address, "/healthz").body, "ok");
    assert_eq!(program.errors().lines().count(), 1, "{}", program.errors());
}

/// Sends a header that never ends, byte by byte, and says how long that was allowed.
fn drip(address: std::net::SocketAddr) -> Duration {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /ws/echo HTTP/1.1\r\nX: ").unwrap();
    stream.set_nonblocking(true).unwrap();
    loop {
        let was_ended = match stream.read(&mut [0]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        if was_ended || stream.write(b"x").is_err_and(|error| error.kind() != ErrorKind::WouldBlock) {
            return start.elapsed();
        }
        assert!(start.elapsed() < PATIENCE, "it was never dropped");
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn half_closed_and_reset_connections_leave_no_task_and_no_descriptor() {
    let program = Program::start(&["--threads", "2"]);
    let before = program.descriptors();
    for round in 0..25 {
        let idle = RawClient::connect(program.address);
        let mut busy = RawClient::connect(program.address);
        busy.send(&frame(0x81, b"unread"));
        let mut torn = RawClient::connect(program.address);
        torn.send(&frame(0x01, b"never finished"));
        torn.send(&frame(0x81, b"xxxxxxxxxxxx")[..9]);
        let mut request = TcpStream::connect(program.address).unwrap();
        request.write_all(b"GET /ws/echo HTTP/1.1\r\n").unwrap();
        if round % 2 == 0 {
            for client in [idle, busy, torn] {
                client.reset();
            }
            drop(request);
        } else {
            for client in [&idle, &busy, &torn] {
                client.half_close();
            }
            request.shutdown(std::net::Shutdown::Write).unwrap();
            for mut client in [idle, busy, torn] {
                // The server ends its side too, although we never close ours before it does.
                let _ = client.read_to_end();
            }
            let _ = request.read_to_end(&mut Vec::new());
        }
    }
    wait_until("the descriptors are given back", || program.descriptors() == before);
    check_echo(&mut dial(program.address).await, "still here").await;
    wait_until("the last descriptor is given back", || program.descriptors() == before);
    program.check_stops_empty();
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_leaves_right_after_the_handshake_leaves_nothing() {
    let program = Program::start(&["--threads", "1"]);
    let before = program.descriptors();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(program.address).unwrap();
        stream.write_all(handshake(program.address, &[]).as_bytes()).unwrap();
        drop(stream);
    }
    // This request comes after the others, so they were handled when it is answered.
    get(program.address, "/healthz");
    wait_until("the descriptors are given back", || program.descriptors() == before);
    program.check_stops_empty();
}
