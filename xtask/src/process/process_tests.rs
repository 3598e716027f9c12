use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::Task;
use crate::error::Error;

const PLENTY: Duration = Duration::from_secs(60);

fn shell(script: &str) -> Task {
    Task::new("sh").args(["-c", script])
}

fn log(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("xtask-{}-{name}.log", std::process::id()))
}

#[track_caller]
fn check_fails(result: Result<impl Sized, Error>, words: &str) {
    let Err(Error::Failed(reason)) = result else { panic!("expected a failure") };
    assert!(reason.contains(words), "{reason}");
}

#[test]
fn a_failing_command_is_named_with_its_status() {
    check_fails(shell("exit 3").run(), "`sh -c exit 3` ended with exit status: 3");
}

#[test]
fn a_command_that_does_not_exist_is_a_failure() {
    check_fails(Task::new("no-such-program").run(), "cannot start `no-such-program`");
}

#[test]
fn a_command_that_takes_too_long_is_ended() {
    check_fails(shell("sleep 600").limit(Duration::from_millis(50)).run(), "was ended after");
}

#[test]
fn output_is_read_whole_even_if_it_is_not_text() {
    assert_eq!(shell(r"printf 'a\nb\377'").read().expect("output"), "a\nb\u{fffd}");
}

#[test]
fn a_failure_names_what_the_output_says_has_failed() {
    let heard = shell("echo fine; echo FAILED the second; exit 1").read_aloud();
    check_fails(heard.succeeded_or_named(|line| line.strip_prefix("FAILED ")), "1 failed: the second");
}

/// The pipe closes only when every process that holds it has ended, so its end proves that none is left.
#[test]
fn child_processes_end_with_their_command() {
    assert_eq!(shell("sleep 600 & echo started").read().expect("output"), "started\n");
}

#[test]
fn a_program_beside_us_can_be_watched_and_asked_to_stop() {
    let log = log("watched");
    let script = "trap 'exit 0' TERM; echo listening 42; while :; do sleep 0.01; done";
    let mut running = shell(script).start(&log).expect("starts");
    assert_eq!(running.wait_for_line("listening ", PLENTY).expect("the line"), "42");
    assert!(running.has_ended().expect("a look").is_none());
    running.terminate().expect("asks");
    running.finish(PLENTY).expect("ends well");
    assert_eq!(std::fs::read_to_string(&log).expect("a log"), "listening 42\n");
    std::fs::remove_file(log).expect("removes the log");
}

#[test]
fn a_program_that_ends_without_its_line_is_a_failure_at_once() {
    let log = log("silent");
    let mut running = shell("echo something else; exit 1").start(&log).expect("starts");
    check_fails(running.wait_for_line("listening ", PLENTY), "never printed `listening `");
    check_fails(running.finish(PLENTY), "ended with exit status: 1");
    std::fs::remove_file(log).expect("removes the log");
}

#[test]
fn dropping_the_guard_ends_the_whole_group() {
    let log = log("dropped");
    let mut running = shell("sleep 600 & echo child $!; wait").start(&log).expect("starts");
    let child = running.wait_for_line("child ", PLENTY).expect("the line");
    assert!(lives(&child));
    drop(running);
    let deadline = Instant::now() + PLENTY;
    while lives(&child) {
        assert!(Instant::now() < deadline, "process {child} is still there");
        thread::sleep(Duration::from_millis(5));
    }
    std::fs::remove_file(log).expect("removes the log");
}

/// A process that has ended may stay on as a zombie until its new parent looks.
fn lives(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains("zombie") && !line.contains("dead"))
}
