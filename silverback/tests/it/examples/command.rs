//! `command`: its input, its output, and that no process outlives its page.

use std::{fs, time::Duration};

use silverback::{Conn, Dialer, Message};

use super::running::{Running, assert_is_self_contained, closed};
use crate::support::within;

fn command(program: &[&str]) -> Running {
    Running::start("command", &[&["127.0.0.1:0"], program].concat())
}

fn shell(script: &str) -> Running {
    command(&["sh", "-c", script])
}

/// As much output as ends with `end`.
async fn output(conn: &mut Conn, end: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    while !output.ends_with(end) {
        match within(conn.read_message()).await.unwrap() {
            Some(Message::Binary(bytes)) => output.extend_from_slice(&bytes),
            other => panic!("after {output:?} came {other:?}"),
        }
    }
    output
}

/// The number that the program prints as its next line.
async fn number(conn: &mut Conn) -> u32 {
    String::from_utf8(output(conn, b"\n").await).unwrap().trim().parse().unwrap()
}

/// Waits until the process is gone, even as a zombie.
async fn until_gone(process: u32) {
    let is_there = || fs::exists(format!("/proc/{process}")).unwrap();
    within(async {
        while is_there() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_is_input_and_what_the_program_writes_comes_back() {
    let command = command(&["cat"]);
    let mut conn = command.dial().await;
    conn.write_message("hello\n").await.unwrap();
    assert_eq!(output(&mut conn, b"\n").await, b"hello\n");
    conn.write_message(vec![0xff, 0, 0xc3, b'.']).await.unwrap();
    assert_eq!(output(&mut conn, b".").await, [0xff, 0, 0xc3, b'.']);
    // The end of its input; later messages are ignored.
    conn.write_message("").await.unwrap();
    conn.write_message("late").await.unwrap();
    assert_eq!(closed(&mut conn).await, (1000, "exit status: 0".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_fails_says_so() {
    let fails = shell("echo out; echo err >&2; exit 3");
    let mut conn = fails.dial().await;
    let mut lines = Vec::new();
    while let Some(message) = within(conn.read_message()).await.unwrap() {
        lines.push(message.into_bytes());
    }
    lines.sort();
    assert_eq!(lines, ["err\n", "out\n"]);
    let info = conn.close_info().unwrap();
    assert_eq!((info.code.get(), info.reason.as_ref()), (4000, "exit status: 3"));

    let killed = shell("kill -9 $$");
    let mut conn = killed.dial().await;
    assert_eq!(closed(&mut conn).await, (4000, "signal: 9 (SIGKILL)".to_owned()));

    let missing = command(&["/there/is/no/such/program"]);
    let mut conn = missing.dial().await;
    let (code, reason) = closed(&mut conn).await;
    assert!(code == 1011 && reason.starts_with("the program cannot be started"), "{code} {reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_leaves_takes_the_program_and_what_it_has_started_with_it() {
    let command = shell("echo $$; sleep 1000 & echo $!; wait");
    for says_goodbye in [true, false] {
        let mut conn = command.dial().await;
        let lines = String::from_utf8(output_lines(&mut conn, 2).await).unwrap();
        let processes: Vec<u32> = lines.lines().map(|line| line.parse().unwrap()).collect();
        for process in &processes {
            assert!(fs::exists(format!("/proc/{process}")).unwrap());
        }
        if says_goodbye {
            within(conn.close(1001, "")).await.unwrap();
        }
        drop(conn);
        for process in processes {
            until_gone(process).await;
        }
    }
}

async fn output_lines(conn: &mut Conn, count: usize) -> Vec<u8> {
    let mut lines = Vec::new();
    while lines.iter().filter(|byte| **byte == b'\n').count() < count {
        lines.extend(output(conn, b"\n").await);
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_listen_to_the_hang_up_is_ended_by_force() {
    let command = shell("trap '' HUP; echo $$; while :; do sleep 1000; done");
    let mut conn = command.dial().await;
    let process = number(&mut conn).await;
    drop(conn);
    until_gone(process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_output_waits_for_a_page_that_reads_slowly() {
    let command = shell("echo $$; exec yes");
    let mut conn = command.dial().await;
    let mut first = output(&mut conn, b"\n").await;
    first.truncate(first.iter().position(|byte| *byte == b'\n').unwrap());
    let process: u32 = String::from_utf8(first).unwrap().parse().unwrap();
    for _ in 0..4 {
        // Enough time for `yes` to write gigabytes if it were not stopped.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut received = 0;
        while received < 4 * 1024 * 1024 {
            received += within(conn.read_message()).await.unwrap().unwrap().len();
        }
    }
    let peak = command.peak_memory();
    assert!(peak.is_none_or(|bytes| bytes < 48 * 1024 * 1024), "{peak:?} bytes");
    drop(conn);
    until_gone(process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_read_its_input_is_given_up() {
    let command = shell("echo $$; exec sleep 1000");
    let mut conn = command.dial().await;
    let process = number(&mut conn).await;
    for _ in 0..4 {
        conn.write_message(vec![b'x'; 64 * 1024]).await.unwrap();
    }
    assert_eq!(closed(&mut conn).await, (1013, "the program does not read its input".to_owned()));
    until_gone(process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_programs_run_than_may() {
    let command = command(&["cat"]);
    let mut conns = Vec::new();
    for _ in 0..16 {
        conns.push(command.dial().await);
    }
    let url = format!("{}/ws", command.address);
    let refused = within(Dialer::new().dial(&url)).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().status, 503);
    drop(conns.pop());
    // As soon as its program has ended, there is room again.
    within(async { while Dialer::new().dial(&url).await.is_err() {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_end_with_the_server() {
    let mut command = shell("echo $$; exec cat");
    let mut conn = command.dial().await;
    let process = number(&mut conn).await;
    command.interrupt();
    assert_eq!(closed(&mut conn).await, (1001, "the server is going away".to_owned()));
    assert!(command.ended().success());
    until_gone(process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_site_may_connect_by_whatever_name() {
    let command = command(&["cat"]);
    command.assert_refuses_other_sites().await;
    // DNS rebinding: the name is the other site's, the address is ours.
    let rebound = Dialer::new().host_header("evil.example").origin("http://evil.example");
    let refused = within(rebound.dial(&format!("{}/ws", command.address))).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().status, 403);
}

#[test]
fn the_page_is_one_document() {
    assert_is_self_contained(&command(&["cat"]).page());
}
