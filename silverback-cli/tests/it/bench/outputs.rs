//! The outputs of a load, and its end from the keyboard.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    echo,
    servers::{self, Server},
};
use crate::support::{run, wait_until};

#[test]
fn the_summary_goes_to_standard_output_and_nothing_to_standard_error() {
    let (_program, url) = echo();
    let (code, out, err) = run(&["bench", &url, "-c", "2", "-n", "200"], &[("LC_ALL", "C.UTF-8")]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for part in ["200 sent, 200 received", "messages/s", "p99.99", "connect", "round trip, up to", "█"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn a_terminal_without_unicode_gets_ascii() {
    let (_program, url) = echo();
    let (code, out, _) = run(&["bench", &url, "-c", "1", "-n", "20"], &[("LC_ALL", "C")]);
    assert_eq!(code, Some(0));
    assert!(out.is_ascii() && out.contains('#'), "{out}");
}

#[test]
fn a_condition_that_is_met_is_9_and_named() {
    let (_program, url) = echo();
    let conditions = "p50>1ns,errors>0,received<1000";
    let (code, out, err) = run(&["bench", &url, "-c", "1", "-n", "20", "--json", "--fail-if", conditions], &[]);
    assert_eq!(code, Some(9), "{err}");
    assert!(err.contains("p50>1ns") && err.contains("received<1000 (20)") && !err.contains("errors>0"), "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["fail_if"], serde_json::json!(["p50>1ns", "received<1000"]));
    let (code, _, err) = run(&["bench", &url, "-c", "1", "-n", "20", "--fail-if", "p50<1ns,errors>0"], &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
}

#[test]
fn the_report_is_one_page_that_needs_nothing_else() {
    let (_program, url) = echo();
    let path = std::env::temp_dir().join(format!("silverback-report-{}.html", std::process::id()));
    let file = path.to_str().unwrap();
    let (code, _, err) =
        run(&["bench", &url, "-c", "2", "--duration", "400ms", "--warmup", "off", "--report", file], &[]);
    let page = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!((code, err), (Some(0), format!("silverback: wrote the report to {file}\n")));
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("Throughput over time") && !page.contains("<script") && !page.contains("src="));
}

#[test]
fn a_report_that_cannot_be_written_is_found_before_the_load() {
    let server = Server::after_handshake(|stream| servers::echo(stream, |payload| payload));
    let (code, out, err) = run(&["bench", &server.url, "--report", "/no/such/folder/report.html"], &[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("/no/such/folder/report.html"), "{err}");
    assert!(server.peers().is_empty());
}

#[test]
fn an_interrupted_load_is_130_and_tells_what_it_has() {
    check_interrupted(Signal::INT, 130);
}

#[test]
fn so_does_a_load_that_a_supervisor_ends_with_143() {
    check_interrupted(Signal::TERM, 143);
}

#[track_caller]
fn check_interrupted(signal: Signal, code: i32) {
    let (program, url) = echo();
    let mut child = Command::new(env!("CARGO_BIN_EXE_silverback"))
        .args(["bench", &url, "-c", "2", "--duration", "1h", "--warmup", "off", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    #[cfg(target_os = "linux")]
    wait_until("some load was handled", || program.processor_time() > std::time::Duration::from_millis(30));
    kill_process(Pid::from_child(&child), signal).unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(code));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["interrupted"], true);
    assert!(json["messages"]["received"].as_u64().unwrap() > 0, "{out}");
    program.check_stops_empty();
}
