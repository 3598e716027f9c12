//! Ends of `check` that say nothing of the server.

use std::{fs::OpenOptions, io::Read, process::Stdio, sync::mpsc};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    connect::{command, servers::Server, wait_for},
    support::{PATIENCE, Program},
};

#[test]
fn what_cannot_be_written_is_1() {
    let program = Program::start(&["--quiet"]);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = command(&["check", &format!("ws://{}/ws/echo", program.address)]);
    command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped());
    let output = wait_for(command.spawn().unwrap());
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("cannot write to standard output: No space left"), "{err}");
}

#[test]
fn an_interrupt_is_130_and_says_nothing() {
    let (told, tell) = mpsc::channel();
    let silent = Server::start(move |mut stream, _| {
        told.send(()).unwrap();
        let _ = stream.read(&mut [0]);
    });
    let mut command = command(&["check", &silent.url()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    tell.recv_timeout(PATIENCE).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = wait_for(child);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.as_str()), (Some(130), ""));
}
