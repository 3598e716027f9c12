//! `silverback connect`: the real program against real servers, some of which break every rule.

mod answers;
mod arguments;
mod bombs;
mod breaks;
mod completing;
mod environment;
mod exits;
mod faults;
mod greetings;
mod person;
mod pipes;
mod reconnecting;
mod recording;
mod redirects;
mod routes;
pub(crate) mod servers;
mod terminal;
pub(crate) mod tls;
mod tls_faults;
mod tls_proxies;
mod typed;

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
    thread,
};

use crate::support::wait_until;

/// The program, without the variables that would change its behaviour.
pub(crate) fn command(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_silverback"));
    for (name, _) in std::env::vars() {
        if name.starts_with("SILVERBACK_") || name.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command.env_remove("NO_COLOR").env_remove("SSLKEYLOGFILE").env("TERM", "xterm");
    command.args(options);
    command
}

/// Starts `connect` with pipes.
fn start(options: &[&str]) -> Child {
    let mut command = command(&["connect"]);
    command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Runs `connect` with this input to its end.
fn talk(options: &[&str], input: &[u8]) -> Output {
    let mut child = start(options);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may end before it has read all of it.
    let writing = thread::spawn(move || _ = stdin.write_all(&input));
    let output = wait_for(child);
    writing.join().unwrap();
    output
}

/// Waits for its end for a limited time.
#[track_caller]
pub(crate) fn wait_for(mut child: Child) -> Output {
    let out = child.stdout.take().map(read_all);
    let err = child.stderr.take().map(read_all);
    let mut status = None;
    wait_until("the program ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let collected =
        |reading: Option<thread::JoinHandle<Vec<u8>>>| reading.map_or_else(Vec::new, |it| it.join().unwrap());
    Output { status: status.unwrap(), stdout: collected(out), stderr: collected(err) }
}

fn read_all(mut from: impl std::io::Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).unwrap();
        all
    })
}

/// It has ended with this code, and standard error is one line with these words, or empty if there are none.
#[track_caller]
fn check_end(output: &Output, code: i32, words: &[&str]) {
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{err}");
    assert_eq!(err.lines().count(), usize::from(!words.is_empty()), "{err}");
    for word in words {
        assert!(err.contains(word), "{word}: {err}");
    }
}

#[track_caller]
fn check_said(output: &Output, expected: &str) {
    check_end(output, 0, &[]);
    assert_eq!(String::from_utf8(output.stdout.clone()).unwrap(), expected);
}
