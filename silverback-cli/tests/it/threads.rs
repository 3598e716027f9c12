//! A listener for each thread: connections are spread by the kernel, and the port is still the program's alone.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;

use rustix::process::Signal;

use crate::support::{Program, RawClient, frame, run, wait_until};

#[test]
fn each_thread_has_a_listener_of_its_own() {
    for threads in [1, 4] {
        let program = Program::start(&["--threads", &threads.to_string()]);
        assert_eq!(program.listeners(), threads);
    }
}

#[test]
fn connections_are_spread_over_the_threads_and_stay_where_they_were_accepted() {
    let program = Program::start(&["--threads", "3"]);
    // The chance that one of three threads gets none of them is less than one in 10^16.
    let mut clients: Vec<_> = (0..96).map(|_| RawClient::connect(program.address)).collect();
    let before = connections_of_each_thread(&program, &clients);
    assert_eq!(before.len(), 3, "{before:?}");
    for client in &mut clients {
        client.send(&frame(0x81, b"where am I?"));
        assert_eq!(client.receive().1, b"where am I?");
    }
    assert_eq!(connections_of_each_thread(&program, &clients), before);
}

#[test]
fn a_second_program_is_refused_however_many_threads_share_the_port() {
    let first = Program::start(&["--threads", "4"]);
    let listen = first.address.to_string();
    for threads in ["1", "4"] {
        let (code, _, errors) = run(&["--listen", &listen, "--threads", threads], &[]);
        assert_eq!(code, Some(3));
        assert!(errors.contains("the port is in use already (choose another address with --listen)"), "{errors}");
    }
    for option in ["--admin", "--metrics"] {
        let (code, _, errors) = run(&["--listen", "127.0.0.1:0", option, &listen], &[]);
        assert_eq!(code, Some(3));
        assert!(errors.contains(&format!("in use already (choose another address with {option})")), "{errors}");
    }
    first.check_stops_empty();
}

#[test]
fn at_the_end_all_threads_stop_listening_and_close_what_they_have() {
    let mut program = Program::start(&["--threads", "3", "--close-timeout", "1h"]);
    let mut clients: Vec<_> = (0..48).map(|_| RawClient::connect(program.address)).collect();
    program.signal(Signal::TERM);
    wait_until("all listeners are closed", || program.listeners() == 0);
    for client in &mut clients {
        let (first, close) = client.receive();
        assert_eq!((first, &close[..2]), (0x88, &1001_u16.to_be_bytes()[..]));
        client.send(&frame(0x88, &close));
        assert_eq!(client.read_to_end().unwrap(), b"");
    }
    drop(clients);
    assert_eq!(program.wait().code(), Some(0));
}

/// The connections that each event queue watches. A thread has one, which may be open under two descriptors.
fn connections_of_each_thread(program: &Program, clients: &[RawClient]) -> BTreeSet<BTreeSet<u32>> {
    let mut sets = BTreeSet::new();
    wait_until("every connection is watched", || {
        sets = program.watched_connections();
        sets.iter().map(BTreeSet::len).sum::<usize>() == clients.len()
    });
    sets
}
