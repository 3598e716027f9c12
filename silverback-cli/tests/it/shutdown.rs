//! Signals: the first ends the program in order, the second at once.

use rustix::process::Signal;
use silverback::CloseCode;

use crate::support::{Program, RawClient, check_echo, dial, frame, get, wait_until, within};

#[tokio::test]
async fn a_signal_closes_every_connection_with_1001_and_ends_with_0() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut program = Program::start(&[]);
        let mut conns = [dial(program.address).await, dial(program.address).await];
        for conn in &mut conns {
            check_echo(conn, "before").await;
        }
        program.signal(signal);
        for conn in &mut conns {
            assert_eq!(within(conn.read_message()).await.unwrap(), None);
            let info = conn.close_info().unwrap();
            assert_eq!((info.code, info.is_clean), (CloseCode::GOING_AWAY, true));
        }
        assert_eq!(program.wait().code(), Some(0));
        program.wait_for_output("sent: before\n");
    }
}

#[test]
fn without_connections_it_ends_at_once_and_says_nothing() {
    Program::start(&["--close-timeout", "1h"]).check_stops_empty();
}

#[test]
fn a_second_signal_ends_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut program = Program::start(&["--close-timeout", "1h"]);
        let mut silent = RawClient::connect(program.address);
        program.signal(Signal::TERM);
        assert_eq!(silent.receive().0, 0x88);
        wait_until("it says how to end at once", || program.errors().contains("second signal"));
        assert!(program.is_running());
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(code));
    }
}

#[test]
fn under_nohup_the_end_of_the_terminal_is_no_end() {
    let mut program = Program::start_without_hangup();
    program.signal(Signal::HUP);
    assert_eq!(get(program.address, "/healthz").status, 200);
    assert!(program.is_running());
    program.check_stops_empty();
}

#[test]
fn nobody_is_accepted_any_more_while_it_waits() {
    let mut program = Program::start(&["--close-timeout", "1h"]);
    let mut client = RawClient::connect(program.address);
    program.signal(Signal::TERM);
    let (_, close) = client.receive();
    wait_until("the port is closed", || std::net::TcpStream::connect(program.address).is_err());
    // It ends as soon as the last client has answered.
    client.send(&frame(0x88, &close));
    assert_eq!(client.read_to_end().unwrap(), b"");
    drop(client);
    assert_eq!(program.wait().code(), Some(0));
}

#[test]
fn messages_that_cross_the_close_frame_do_not_disturb_the_end() {
    let mut program = Program::start(&[]);
    let mut client = RawClient::connect(program.address);
    program.signal(Signal::TERM);
    let (first, close) = client.receive();
    assert_eq!(first, 0x88);
    client.send(&[frame(0x81, b"too late"), frame(0x88, &close)].concat());
    assert_eq!(client.read_to_end().unwrap(), b"");
    drop(client);
    assert_eq!(program.wait().code(), Some(0));
    assert_eq!(program.errors().lines().count(), 1, "{}", program.errors());
}

#[test]
fn a_request_that_is_not_complete_does_not_keep_it() {
    let mut program = Program::start(&["--close-timeout", "1h", "--handshake-timeout", "1h"]);
    let mut stream = std::net::TcpStream::connect(program.address).unwrap();
    std::io::Write::write_all(&mut stream, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(crate::support::read_answer(&mut stream, false).status, 200);
    std::io::Write::write_all(&mut stream, b"GET /healthz HTT").unwrap();
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code(), Some(0));
}
